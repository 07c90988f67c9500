// SPDX-License-Identifier: MIT
// What tests ask of a network whose scales changed: whether it is the same function, and how noisy
// it is in integers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "quant/engine/float_executor.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/random_frames.h"

namespace quant::testing {

// Of the float graphs' first outputs, relative to the largest value.
inline double largest_difference(const Graph& a, const Graph& b, const InputSpec& spec) {
  RandomFrames frames(spec, 2);
  auto first = FloatExecutor::create(std::make_shared<const Graph>(a));
  auto second = FloatExecutor::create(std::make_shared<const Graph>(b));
  double difference = 0;
  double largest = 0;
  for (int frame = 0; frame < 2; ++frame) {
    const Tensor pixels = (**frames.next())[0];
    std::vector<Tensor> x;
    std::vector<Tensor> y;
    EXPECT_TRUE(first->run(std::span(&pixels, 1), x));
    EXPECT_TRUE(second->run(std::span(&pixels, 1), y));
    for (std::size_t i = 0; i < x[0].data<float>().size(); ++i) {
      const double value = x[0].data<float>()[i];
      largest = std::max(largest, std::abs(value));
      difference = std::max(difference, std::abs(value - y[0].data<float>()[i]));
    }
  }
  return difference / largest;
}

// As the plan says (8 bits), with the extremes of three frames as ranges.
inline QuantizedModel quantized(const Graph& graph, const InputSpec& spec,
                                const QuantizationPlan& plan = {}) {
  RandomFrames frames(spec, 3);
  auto calibration = calibrate(std::make_shared<const Graph>(graph), frames, {}, {});
  EXPECT_TRUE(calibration);
  auto model = lower(graph, spec, calibration->proposals[0], plan);
  EXPECT_TRUE(model) << model.error().text();
  return std::move(*model);
}

// Of that, noise of each output over its signal, dB.
inline std::vector<double> noise_db(const Graph& graph, const InputSpec& spec,
                                    const QuantizationPlan& plan = {}) {
  RandomFrames frames(spec, 3);
  auto judge = OutputNoise::create(std::make_shared<const Graph>(graph), frames, 3, 1);
  EXPECT_TRUE(judge);
  auto ratios = judge->ratios(quantized(graph, spec, plan));
  EXPECT_TRUE(ratios) << ratios.error().text();
  std::vector<double> result;
  for (const auto& ratio : *ratios) result.push_back(10 * std::log10(ratio.value_or(1)));
  return result;
}

// Bit for bit.
inline bool same_constants(const Graph& a, const Graph& b) {
  if (a.values.size() != b.values.size()) return false;
  for (std::size_t id = 0; id < a.values.size(); ++id) {
    const auto& x = a.values[id].constant;
    const auto& y = b.values[id].constant;
    if (x.has_value() != y.has_value()) return false;
    if (x && !std::equal(x->raw(), x->raw() + x->bytes(), y->raw(), y->raw() + y->bytes()))
      return false;
  }
  return true;
}

}  // namespace quant::testing
