// SPDX-License-Identifier: MIT
#include "quant/optimize/bias_correction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph_builder.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::GraphBuilder;
using testing::input_spec;
using testing::padded;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(12, 10, 3, {0, 0, 0}, {255, 255, 255});

// Inputs that are all positive: rounding a weight shifts the mean of what it makes.
std::shared_ptr<const Graph> network() {
  GraphBuilder builder;
  ValueId value = builder.input("x", {1, 3, 10, 12});
  std::int64_t channels = 3;
  for (const std::int64_t next : {8, 8, 6}) {
    value = builder.node(
        OpKind::kConv,
        {value, builder.random({next, channels, 3, 3}, 0.5F), builder.random({next}, 0.5F)},
        padded(1));
    if (next == 8) value = builder.node(OpKind::kRelu, {value});
    channels = next;
  }
  auto optimized = optimize_float(builder.build({value}), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  return std::make_shared<const Graph>(std::move(*optimized));
}

QuantizedModel lowered(const std::shared_ptr<const Graph>& graph) {
  RandomFrames frames(kSpec, 4);
  auto calibration = calibrate(graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  // Coarser than need be, so that there is something to correct.
  const auto output = static_cast<std::size_t>(graph->outputs[0]);
  for (std::size_t id = 0; id < graph->values.size(); ++id) {
    Range& range = calibration->proposals[0][id];
    if (id != output) range = {range.min * 4, range.max * 4};
  }
  auto model = lower(*graph, kSpec, calibration->proposals[0]);
  EXPECT_TRUE(model) << model.error().text();
  return std::move(*model);
}

Status correct(QuantizedModel& model, const std::shared_ptr<const Graph>& graph, int threads = 1) {
  RandomFrames frames(kSpec, 4);
  BiasCorrectionOptions options;
  options.threads = threads;
  return correct_biases(model, graph, frames, options, {});
}

// The largest difference between the means of a channel of the output, in output steps.
double largest_shift(const QuantizedModel& model, const std::shared_ptr<const Graph>& graph) {
  auto plan = IntegerPlan::create(std::make_shared<const Graph>(model.integer), {Isa::kRef, {}});
  EXPECT_TRUE(plan) << plan.error().text();
  IntegerExecutor integer(*plan, 1);
  auto native = FloatExecutor::create(graph);
  const QuantParams& params = *model.integer.value(model.integer.outputs[0]).quant;
  std::vector<Tensor> raw = integer.make_outputs();
  const auto channels = static_cast<std::size_t>(raw[0].shape()[1]);
  std::vector<double> difference(channels, 0.0);
  std::size_t elements = 0;
  RandomFrames frames(kSpec, 4);
  for (int i = 0; i < 4; ++i) {
    const Tensor pixels = (**frames.next())[0];
    std::vector<Tensor> real;
    EXPECT_TRUE(integer.run(frame_of_pixels(pixels), raw));
    EXPECT_TRUE(native->run(std::span(&pixels, 1), real));
    const auto found = std::as_const(raw[0]).data<std::uint8_t>();
    const std::size_t area = found.size() / channels;
    for (std::size_t e = 0; e < found.size(); ++e)
      difference[e / area] += (found[e] - params.zero_point[0]) -
                              real[0].data<float>()[e] / static_cast<double>(params.scale[0]);
    elements += area;
  }
  double largest = 0;
  for (const double sum : difference)
    largest = std::max(largest, std::abs(sum) / static_cast<double>(elements));
  return largest;
}

TEST(BiasCorrection, BringsTheMeansOfTheOutputsBack) {
  const auto graph = network();
  QuantizedModel model = lowered(graph);
  const double before = largest_shift(model, graph);
  ASSERT_TRUE(correct(model, graph));
  EXPECT_LT(largest_shift(model, graph), before / 3);
}

TEST(BiasCorrection, NeverAddsNoiseAtTheOutputs) {
  const auto graph = network();
  QuantizedModel model = lowered(graph);
  RandomFrames frames(kSpec, 4);
  auto judge = OutputNoise::create(graph, frames, 4, 1);
  ASSERT_TRUE(judge);
  const double before = *judge->measure(model);
  ASSERT_TRUE(correct(model, graph));
  EXPECT_LT(*judge->measure(model), before);
}

TEST(BiasCorrection, IsTheSameWithAnyNumberOfThreads) {
  const auto graph = network();
  QuantizedModel one = lowered(graph);
  QuantizedModel two = lowered(graph);
  ASSERT_TRUE(correct(one, graph, 1));
  ASSERT_TRUE(correct(two, graph, 2));
  for (std::size_t id = 0; id < one.integer.values.size(); ++id) {
    const auto& a = one.integer.values[id].constant;
    const auto& b = two.integer.values[id].constant;
    ASSERT_EQ(a.has_value(), b.has_value());
    EXPECT_TRUE(!a || std::equal(a->raw(), a->raw() + a->bytes(), b->raw()));
  }
}

TEST(BiasCorrection, AnEmptySetIsAnError) {
  const auto graph = network();
  QuantizedModel model = lowered(graph);
  RandomFrames frames(kSpec, 0);
  EXPECT_FALSE(correct_biases(model, graph, frames, {}, {}));
}

}  // namespace
}  // namespace quant
