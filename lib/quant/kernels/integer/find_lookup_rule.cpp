// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/find_lookup_rule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Whether the kernel makes every entry of the table.
bool makes(const SpanKernels& kernels, const LookupRule& rule, const LookupTable& table) {
  constexpr std::size_t kPart = 1024;  // most wrong rules err early
  std::array<std::uint16_t, kPart> levels;
  for (std::size_t first = 0; first < table.entries.size(); first += kPart) {
    std::iota(levels.begin(), levels.end(), static_cast<std::uint16_t>(first));
    kernels.compute_rows(rule, levels.data(), kPart, levels.data(), kPart, 1, kPart);
    if (!std::equal(levels.begin(), levels.end(),
                    table.entries.begin() + static_cast<std::ptrdiff_t>(first)))
      return false;
  }
  return true;
}

// The slopes that may have made the entries of negative x, likeliest first. Each entry leaves an
// interval of them, open where it is an end of the range; all of them together, about one float.
std::vector<float> possible_slopes(const LookupTable& table, const BentLine& line) {
  constexpr double kSteepest = 1e9;  // makes an end of the range of every x
  double least = -kSteepest;
  double most = kSteepest;
  for (std::int32_t q = 0; q < line.input.zero_point; ++q) {
    const std::int32_t entry = table[static_cast<std::size_t>(q)];
    const double step =
        static_cast<double>(line.output_scale) /
        (static_cast<double>(line.input.scale) * static_cast<double>(q - line.input.zero_point));
    const double slope = (entry - line.output.zero_point) * step;
    if (entry > line.output.qmin) most = std::min(most, slope - step / 2);
    if (entry < line.output.qmax) least = std::max(least, slope + step / 2);
  }
  if (least <= 1 && most >= 1) return {1};
  if (least <= 0 && most >= 0) return {0};
  const auto middle = static_cast<float>((least + most) / 2);
  return {middle, std::nextafter(middle, 2 * middle), std::nextafter(middle, 0.0F)};
}

}  // namespace

LookupRule find_lookup_rule(const LookupTable& table, const AffineParams& input,
                            const AffineParams& output, Isa isa) {
  const SpanKernels& kernels = span_kernels(isa);
  if (kernels.compute_rows == nullptr || table.input != DataType::kUint16 ||
      table.output != DataType::kUint16)
    return {};
  const auto [least, greatest] = std::minmax_element(table.entries.begin(), table.entries.end());
  const OutputRange range{output.zero_point, *least, *greatest};
  const LookupRule straight =
      StraightLine{input.zero_point, scale_ratio<double>(input.scale, output.scale), range};
  if (makes(kernels, straight, table)) return straight;
  BentLine line{input, 1, output.scale, range};
  for (const float slope : possible_slopes(table, line)) {
    line.slope = slope;
    const LookupRule bent = line;
    if (makes(kernels, bent, table)) return bent;
  }
  return {};
}

}  // namespace quant::integer
