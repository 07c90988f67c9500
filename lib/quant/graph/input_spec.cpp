// SPDX-License-Identifier: MIT
#include "quant/graph/input_spec.h"

#include <fmt/format.h>

#include <cmath>

namespace quant {

const char* to_string(ColorOrder order) {
  switch (order) {
    case ColorOrder::kRgb:
      return "rgb";
    case ColorOrder::kBgr:
      return "bgr";
    case ColorOrder::kGray:
      return "gray";
  }
  return "unknown";
}

std::optional<ColorOrder> color_order_from_string(std::string_view name) {
  for (const ColorOrder order : {ColorOrder::kRgb, ColorOrder::kBgr, ColorOrder::kGray}) {
    if (name == to_string(order)) return order;
  }
  return std::nullopt;
}

Status verify(const InputSpec& spec) {
  constexpr int kMaxSide = 16384;
  if (spec.width < 1 || spec.height < 1 || spec.width > kMaxSide || spec.height > kMaxSide) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("a frame of {}x{} is outside 1x1 to {}x{}", spec.width, spec.height,
                            kMaxSide, kMaxSide),
                spec.name);
  }
  const std::size_t channels = static_cast<std::size_t>(spec.channels());
  if (spec.mean.size() != channels || spec.std.size() != channels) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} channels, but {} values of mean and {} of std", channels,
                            spec.mean.size(), spec.std.size()),
                spec.name);
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(spec.mean[c]) || !std::isfinite(spec.std[c]) || spec.std[c] == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("mean {} and std {} of channel {} cannot normalize", spec.mean[c],
                              spec.std[c], c),
                  spec.name);
    }
  }
  return {};
}

}  // namespace quant
