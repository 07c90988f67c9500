// SPDX-License-Identifier: MIT
#include "quant/optimize/fake_quantize.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace quant::tuning {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Elements of one partial sum: the same whatever the number of threads.
constexpr std::int64_t kChunk = 16384;

// Few frames show less of what is rare than others will: what a range cuts off counts so often.
constexpr double kPriceBeyond = 3;

// The grid of a range, in units of its step.
struct Grid {
  float scale;
  float lowest;       // least integer, zero point taken off
  float highest;      // likewise
  bool low_by_range;  // whether the range decides it, not a clamp
  bool high_by_range;
};

Grid grid_of(double low, double high, int levels, double clamp_min, double clamp_max) {
  Grid grid{1.0F, 0.0F, static_cast<float>(levels), true, true};
  const auto scale = static_cast<float>((high - low) / levels);
  double zero = 0;
  if (scale >= std::numeric_limits<float>::min()) {
    grid.scale = scale;
    zero = std::clamp(std::nearbyint((0.0 - low) / scale), 0.0, static_cast<double>(levels));
  }
  const auto level = [&](double real) {
    return std::clamp(std::nearbyint(real / grid.scale + zero), 0.0, static_cast<double>(levels));
  };
  const double lowest = std::isinf(clamp_min) ? 0.0 : level(clamp_min);
  const double highest = std::isinf(clamp_max) ? levels : level(clamp_max);
  grid.lowest = static_cast<float>(lowest - zero);
  grid.highest = static_cast<float>(highest - zero);
  grid.low_by_range = lowest == 0 && !(clamp_min > low);
  grid.high_by_range = highest == levels && !(clamp_max < high);
  return grid;
}

// Half to even for |v| < 2^22, which clamping sees to.
inline float round_to_even(float v) {
  constexpr float kMagic = 12582912.0F;  // 1.5·2^23
  return (v + kMagic) - kMagic;
}

struct FakeQuantize : public torch::autograd::Function<FakeQuantize> {
  static Variable forward(AutogradContext* context, const Variable& given, const Variable& low,
                          const Variable& high, int levels, double clamp_min, double clamp_max) {
    const at::Tensor x = given.contiguous(given.suggest_memory_format());
    const Grid grid = grid_of(low.item<float>(), high.item<float>(), levels, clamp_min, clamp_max);
    at::Tensor result = at::empty_like(x);
    const float* from = x.data_ptr<float>();
    float* to = result.data_ptr<float>();
    const float inverse = 1.0F / grid.scale;
    at::parallel_for(0, x.numel(), kChunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float v = std::min(std::max(from[i] * inverse, grid.lowest), grid.highest);
        to[i] = round_to_even(v) * grid.scale;
      }
    });
    context->save_for_backward({x});
    context->saved_data["levels"] = static_cast<std::int64_t>(levels);
    context->saved_data["grid"] =
        std::vector<double>{grid.scale, grid.lowest, grid.highest, grid.low_by_range ? 1.0 : 0.0,
                            grid.high_by_range ? 1.0 : 0.0};
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    const auto saved = context->saved_data["grid"].toDoubleVector();
    const auto levels = static_cast<float>(context->saved_data["levels"].toInt());
    const float inverse = 1.0F / static_cast<float>(saved[0]);
    const auto lowest = static_cast<float>(saved[1]);
    const auto highest = static_cast<float>(saved[2]);
    const at::Tensor gradient = gradients[0].contiguous(x.suggest_memory_format());
    at::Tensor result = at::empty_like(x);
    const float* from = x.data_ptr<float>();
    const float* g = gradient.data_ptr<float>();
    float* to = result.data_ptr<float>();
    const std::int64_t count = x.numel();
    const std::int64_t chunks = (count + kChunk - 1) / kChunk;
    // Of each chunk: below, above, rounding.
    std::vector<std::array<double, 3>> sums(static_cast<std::size_t>(chunks));
    at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t chunk = first; chunk < last; ++chunk) {
        std::array<float, 8> below{};
        std::array<float, 8> above{};
        std::array<float, 8> rounding{};
        const std::int64_t end = std::min(count, (chunk + 1) * kChunk);
        for (std::int64_t i = chunk * kChunk; i < end; ++i) {
          const auto lane = static_cast<std::size_t>(i % 8);
          const float v = from[i] * inverse;
          const bool under = v < lowest;
          const bool over = v > highest;
          const float kept = under || over ? 0.0F : g[i];
          to[i] = kept;
          const float inside = std::min(std::max(v, lowest), highest);
          below[lane] += under ? g[i] : 0.0F;
          above[lane] += over ? g[i] : 0.0F;
          rounding[lane] += kept * (round_to_even(inside) - inside);
        }
        for (std::size_t lane = 0; lane < 8; ++lane) {
          sums[static_cast<std::size_t>(chunk)][0] += below[lane];
          sums[static_cast<std::size_t>(chunk)][1] += above[lane];
          sums[static_cast<std::size_t>(chunk)][2] += rounding[lane];
        }
      }
    });
    std::array<double, 3> total{};
    for (const auto& sum : sums) {
      for (std::size_t i = 0; i < 3; ++i) total[i] += sum[i];
    }
    for (const std::size_t cut : {0, 1}) total[cut] *= kPriceBeyond;
    const double of_low = (saved[3] != 0 ? total[0] : 0.0) - total[2] / levels;
    const double of_high = (saved[4] != 0 ? total[1] : 0.0) + total[2] / levels;
    return {result, at::scalar_tensor(of_low), at::scalar_tensor(of_high), {}, {}, {}};
  }
};

}  // namespace

Clamp clamp_of(const Attributes& attributes) {
  Clamp clamp;
  if (attributes.has("activation_min")) clamp.min = attributes.number("activation_min", 0);
  if (attributes.has("activation_max")) clamp.max = attributes.number("activation_max", 0);
  return clamp;
}

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& low, const at::Tensor& high,
                         int levels, const Clamp& clamp) {
  constexpr double kOpen = std::numeric_limits<double>::infinity();
  return FakeQuantize::apply(x, low, high, levels,
                             clamp.min ? static_cast<double>(*clamp.min) : -kOpen,
                             clamp.max ? static_cast<double>(*clamp.max) : kOpen);
}

at::Tensor fake_quantize_weights(const at::Tensor& weights, const at::Tensor& scale, int levels) {
  at::Tensor rounded;
  {
    const at::NoGradGuard no_gradient;
    rounded = (weights / scale).round().clamp(-levels, levels) * scale;
  }
  return weights + (rounded - weights).detach();
}

}  // namespace quant::tuning
