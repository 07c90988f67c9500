// SPDX-License-Identifier: MIT
#include "quant/graph/operators/grid_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/interpolation.h"

namespace quant {
namespace {

constexpr std::size_t kMaxSpatial = 3;
constexpr float kCubicCoefficient = -0.75F;

enum class Padding { kZeros, kBorder, kReflection };

struct Settings {
  int taps = 2;  // per axis: 1 nearest, 2 linear, 4 cubic
  Padding padding = Padding::kZeros;
  bool align_corners = false;
};

Result<Settings> read_settings(const Attributes& attributes) {
  Settings settings;
  const std::string mode = attributes.text("mode", "linear");
  const std::string padding = attributes.text("padding_mode", "zeros");
  if (mode == "nearest") {
    settings.taps = 1;
  } else if (mode == "cubic" || mode == "bicubic") {
    settings.taps = 4;
  } else if (mode != "linear" && mode != "bilinear") {
    return fail(ErrorCode::kInvalidData,
                fmt::format("attribute mode has the unknown value '{}'", mode));
  }
  if (padding == "border") {
    settings.padding = Padding::kBorder;
  } else if (padding == "reflection") {
    settings.padding = Padding::kReflection;
  } else if (padding != "zeros") {
    return fail(ErrorCode::kInvalidData,
                fmt::format("attribute padding_mode has the unknown value '{}'", padding));
  }
  settings.align_corners = attributes.integer("align_corners", 0) != 0;
  return settings;
}

// Mirrors a position into [low, high].
float reflect(float position, float low, float high) {
  const float range = high - low;
  if (range <= 0) return low;
  const float distance = std::fabs(position - low);
  const float rest = std::fmod(distance, 2 * range);
  return low + (rest > range ? 2 * range - rest : rest);
}

// One axis of the image.
class Sampler {
 public:
  Sampler(const Settings& settings, std::int64_t size)
      : settings_(settings),
        size_(size),
        low_(settings.align_corners ? 0.0F : -0.5F),
        high_(static_cast<float>(size) - (settings.align_corners ? 1.0F : 0.5F)) {}

  struct Tap {
    std::int64_t index = 0;
    float weight = 0;  // 0 also where the tap lies in zero padding
  };

  // `coordinate` runs from -1 to 1 over the axis.
  void sample(float coordinate, std::array<Tap, 4>& taps) const {
    const auto size = static_cast<float>(size_);
    float position = settings_.align_corners ? (coordinate + 1) / 2 * (size - 1)
                                             : ((coordinate + 1) * size - 1) / 2;
    // Far outside and not a number are outside.
    if (!(std::fabs(position) <= 1e9F)) position = -1e9F;
    if (settings_.taps == 1) position = std::nearbyint(position);
    if (position < low_ || position > high_) {
      if (settings_.padding == Padding::kBorder) position = std::clamp(position, 0.0F, size - 1);
      if (settings_.padding == Padding::kReflection) position = reflect(position, low_, high_);
    }
    const float base = std::floor(position);
    const int first = settings_.taps == 4 ? -1 : 0;
    for (int i = 0; i < settings_.taps; ++i) {
      const float at = base + static_cast<float>(first + i);
      const float distance = at - position;
      Tap& tap = taps[static_cast<std::size_t>(i)];
      tap.weight = settings_.taps == 1   ? 1.0F
                   : settings_.taps == 2 ? linear_weight(distance)
                                         : cubic_weight(distance, kCubicCoefficient);
      place(tap, at);
    }
  }

 private:
  void place(Tap& tap, float at) const {
    tap.index = static_cast<std::int64_t>(at);
    if (tap.index >= 0 && tap.index < size_) return;
    switch (settings_.padding) {
      case Padding::kZeros:
        tap.weight = 0;
        break;
      case Padding::kBorder:
        break;
      case Padding::kReflection:
        tap.index = static_cast<std::int64_t>(reflect(at, low_, high_));
        break;
    }
    tap.index = std::clamp<std::int64_t>(tap.index, 0, size_ - 1);
  }

  Settings settings_;
  std::int64_t size_;
  float low_;
  float high_;
};

}  // namespace

Result<std::vector<TensorType>> infer_grid_sample(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* grid, float_input(context, 1));
  QUANT_TRY(read_settings(context.node.attributes));
  const std::size_t rank = x->shape.size();
  const bool fits = rank >= 3 && rank <= 2 + kMaxSpatial && grid->shape.size() == rank &&
                    may_equal(x->shape[0], grid->shape[0]) &&
                    may_equal(grid->shape.back(), static_cast<std::int64_t>(rank - 2));
  if (!fits || std::find(x->shape.begin() + 2, x->shape.end(), 0) != x->shape.end()) {
    return fail(ErrorCode::kInvalidData, fmt::format("image {} and grid {} do not fit each other",
                                                     to_string(x->shape), to_string(grid->shape)));
  }
  Shape output{x->shape[0], x->shape[1]};
  output.insert(output.end(), grid->shape.begin() + 1, grid->shape.end() - 1);
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(output)}};
}

Status compute_grid_sample(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const Settings settings, read_settings(context.node.attributes));
  const Shape& shape = context.types[0]->shape;
  const std::size_t axes = shape.size() - 2;
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  std::vector<Sampler> samplers;
  for (std::size_t axis = 0; axis < axes; ++axis) samplers.emplace_back(settings, shape[axis + 2]);
  const float* const x = context.constants[0]->data<float>().data();
  const float* grid = context.constants[1]->data<float>().data();
  float* const y = outputs[0].data<float>().data();
  const std::int64_t points = outputs[0].elements() / (shape[0] * shape[1]);

  std::array<std::array<Sampler::Tap, 4>, kMaxSpatial> taps;
  std::vector<Sampler::Tap> combined;
  std::vector<Sampler::Tap> wider;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t point = 0; point < points; ++point, grid += axes) {
      combined.assign(1, {0, 1.0F});
      for (std::size_t axis = 0; axis < axes; ++axis) {
        // The grid names the last axis (x) first.
        samplers[axis].sample(grid[axes - 1 - axis], taps[axis]);
        wider.clear();
        for (const Sampler::Tap& before : combined) {
          for (int i = 0; i < settings.taps; ++i) {
            const Sampler::Tap& tap = taps[axis][static_cast<std::size_t>(i)];
            if (tap.weight == 0) continue;
            wider.push_back(
                {before.index + tap.index * strides[axis + 2], before.weight * tap.weight});
          }
        }
        combined.swap(wider);
      }
      for (std::int64_t c = 0; c < shape[1]; ++c) {
        const std::int64_t plane = n * shape[1] + c;
        float sum = 0;
        for (const Sampler::Tap& tap : combined)
          sum += tap.weight * x[plane * strides[1] + tap.index];
        y[plane * points + point] = sum;
      }
    }
  }
  return {};
}

}  // namespace quant
