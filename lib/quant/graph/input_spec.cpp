// SPDX-License-Identifier: MIT
#include "quant/graph/input_spec.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

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

namespace {

Status verify_features(const std::vector<FeatureInput>& features) {
  std::set<std::string> names;
  for (const FeatureInput& feature : features) {
    if (feature.name.empty() || !names.insert(feature.name).second)
      return fail(ErrorCode::kInvalidArgument, "inputs need names, each its own", feature.name);
    if (feature.shape.empty() || !is_static(feature.shape)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("features of shape {} have no size", to_string(feature.shape)),
                  feature.name);
    }
    QUANT_TRY_ASSIGN(const std::int64_t elements, checked_element_count(feature.shape));
    if (elements == 0) return fail(ErrorCode::kInvalidArgument, "is empty", feature.name);
  }
  return {};
}

}  // namespace

Status verify(const InputSpec& spec) {
  if (!spec.is_image()) return verify_features(spec.features);
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
