// SPDX-License-Identifier: MIT
#include "quant/graph/operators/resize_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "quant/graph/operators/interpolation.h"

namespace quant {
namespace {

template <typename Enumeration, std::size_t kCount>
Result<Enumeration> read_choice(const Attributes& attributes, const char* name,
                                const char* fallback,
                                const std::pair<std::string_view, Enumeration> (&choices)[kCount]) {
  const std::string text = attributes.text(name, fallback);
  for (const auto& [choice, value] : choices) {
    if (text == choice) return value;
  }
  return fail(ErrorCode::kInvalidData,
              fmt::format("attribute {} has the unknown value '{}'", name, text));
}

// Where the centre of output element `out` lies in the input. In float, as the specification's
// other implementations have it: in double, a scale such as 1/3 would land just below whole
// numbers.
float source_position(CoordinateMode mode, const ResizeAxis& axis, std::int64_t out) {
  const auto x = static_cast<float>(out);
  const auto input = static_cast<float>(axis.input);
  const auto output = static_cast<float>(axis.output);
  switch (mode) {
    case CoordinateMode::kHalfPixel:
      return (x + 0.5F) / axis.scale - 0.5F;
    case CoordinateMode::kHalfPixelSymmetric:
      return input / 2 * (1 - output / axis.length) + (x + 0.5F) / axis.scale - 0.5F;
    case CoordinateMode::kPytorchHalfPixel:
      return axis.output > 1 ? (x + 0.5F) / axis.scale - 0.5F : 0.0F;
    case CoordinateMode::kAlignCorners:
      // ONNX's own test cases take the exact length here; ONNX Runtime takes the rounded one.
      return axis.output == 1 ? 0.0F : x * (input - 1) / (axis.length - 1);
    case CoordinateMode::kAsymmetric:
      return x / axis.scale;
    case CoordinateMode::kTfHalfPixelForNn:
      return (x + 0.5F) / axis.scale;
    case CoordinateMode::kTfCropAndResize:
      return axis.output > 1 ? axis.roi_begin * (input - 1) +
                                   x * (axis.roi_end - axis.roi_begin) * (input - 1) / (output - 1)
                             : 0.5F * (axis.roi_begin + axis.roi_end) * (input - 1);
  }
  return 0;
}

std::int64_t nearest_index(NearestMode mode, float position) {
  const float down = std::floor(position);
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return static_cast<std::int64_t>(std::ceil(position - 0.5F));
    case NearestMode::kRoundPreferCeil:
      return static_cast<std::int64_t>(std::floor(position + 0.5F));
    case NearestMode::kFloor:
      return static_cast<std::int64_t>(down);
    case NearestMode::kCeil:
      return static_cast<std::int64_t>(std::ceil(position));
  }
  return 0;
}

}  // namespace

Result<ResizeSettings> read_resize_settings(const Attributes& attributes) {
  constexpr std::pair<std::string_view, ResizeMode> kModes[] = {{"nearest", ResizeMode::kNearest},
                                                                {"linear", ResizeMode::kLinear},
                                                                {"cubic", ResizeMode::kCubic}};
  constexpr std::pair<std::string_view, NearestMode> kNearestModes[] = {
      {"round_prefer_floor", NearestMode::kRoundPreferFloor},
      {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
      {"floor", NearestMode::kFloor},
      {"ceil", NearestMode::kCeil}};
  constexpr std::pair<std::string_view, CoordinateMode> kCoordinateModes[] = {
      {"half_pixel", CoordinateMode::kHalfPixel},
      {"half_pixel_symmetric", CoordinateMode::kHalfPixelSymmetric},
      {"pytorch_half_pixel", CoordinateMode::kPytorchHalfPixel},
      {"align_corners", CoordinateMode::kAlignCorners},
      {"asymmetric", CoordinateMode::kAsymmetric},
      {"tf_half_pixel_for_nn", CoordinateMode::kTfHalfPixelForNn},
      {"tf_crop_and_resize", CoordinateMode::kTfCropAndResize}};
  ResizeSettings settings;
  QUANT_TRY_ASSIGN(settings.mode, read_choice(attributes, "mode", "nearest", kModes));
  QUANT_TRY_ASSIGN(settings.nearest,
                   read_choice(attributes, "nearest_mode", "round_prefer_floor", kNearestModes));
  QUANT_TRY_ASSIGN(settings.coordinates, read_choice(attributes, "coordinate_transformation_mode",
                                                     "half_pixel", kCoordinateModes));
  settings.cubic_coefficient = attributes.number("cubic_coeff_a", -0.75F);
  settings.exclude_outside = attributes.integer("exclude_outside", 0) != 0;
  settings.antialias = attributes.integer("antialias", 0) != 0;
  return settings;
}

ResizeTable make_resize_table(const ResizeSettings& settings, const ResizeAxis& axis) {
  const bool nearest = settings.mode == ResizeMode::kNearest;
  const bool cubic = settings.mode == ResizeMode::kCubic;
  // An antialiasing kernel is stretched to what one output element covers of the input; one wider
  // than twice the input would only repeat its edges.
  const float stretch =
      settings.antialias && !nearest
          ? std::clamp(axis.scale, 1.0F / static_cast<float>(2 * axis.input + 1), 1.0F)
          : 1.0F;
  const auto reach = static_cast<std::int64_t>(std::ceil((cubic ? 2.0F : 1.0F) / stretch));
  ResizeTable table;
  table.taps = nearest ? 1 : 2 * reach;
  const auto count = static_cast<std::size_t>(axis.output * table.taps);
  table.index.reserve(count);
  table.weight.reserve(count);
  const auto last = static_cast<float>(axis.input - 1);
  for (std::int64_t out = 0; out < axis.output; ++out) {
    float position = source_position(settings.coordinates, axis, out);
    if (settings.coordinates == CoordinateMode::kTfCropAndResize &&
        !(position >= 0 && position <= last)) {
      table.outside.push_back(out);
    }
    position = std::clamp(position, -1.0F - static_cast<float>(table.taps),
                          last + 1.0F + static_cast<float>(table.taps));
    if (nearest) {
      const std::int64_t index = nearest_index(settings.nearest, position);
      table.index.push_back(std::clamp<std::int64_t>(index, 0, axis.input - 1));
      table.weight.push_back(1);
      continue;
    }
    const auto base = static_cast<std::int64_t>(std::floor(position));
    float sum = 0;
    for (std::int64_t index = base - reach + 1; index <= base + reach; ++index) {
      const float distance = (static_cast<float>(index) - position) * stretch;
      float weight =
          cubic ? cubic_weight(distance, settings.cubic_coefficient) : linear_weight(distance);
      if (settings.exclude_outside && (index < 0 || index >= axis.input)) weight = 0;
      table.index.push_back(std::clamp<std::int64_t>(index, 0, axis.input - 1));
      table.weight.push_back(weight);
      sum += weight;
    }
    if ((settings.exclude_outside || stretch != 1.0F) && sum != 0) {
      std::for_each(table.weight.end() - table.taps, table.weight.end(),
                    [&](float& weight) { weight /= sum; });
    }
  }
  return table;
}

}  // namespace quant
