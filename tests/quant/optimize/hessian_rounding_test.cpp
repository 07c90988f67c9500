// SPDX-License-Identifier: MIT
#include "quant/optimize/hessian_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "quant/graph_builder.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/random_frames.h"
#include "quant/optimize/weight_groups.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::float_pixels;
using testing::GraphBuilder;
using testing::input_spec;

const InputSpec kSpec = input_spec(24, 20, 3, {127, 110, 99}, {60, 50, 70});

// Waves: neighbouring pixels and channels are alike, which is what rounding makes use of.
class WavyFrames : public CalibrationSet {
 public:
  WavyFrames(int first, int count) : first_(first), frames_(count) {}
  std::optional<std::int64_t> count() const override { return frames_; }
  Result<std::optional<std::vector<Tensor>>> next() override {
    std::optional<std::vector<Tensor>> inputs;
    if (next_ < frames_)
      inputs.emplace({float_pixels(frame(static_cast<unsigned>(first_ + next_++)))});
    return inputs;
  }
  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  static Tensor frame(unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    const double across = 0.6 * uniform(random);
    const double down = 0.6 * uniform(random);
    const double start = 2 * std::numbers::pi * uniform(random);
    Tensor frame(DataType::kUint8, {kSpec.height, kSpec.width, 3});
    auto pixel = frame.data<std::uint8_t>().begin();
    for (int y = 0; y < kSpec.height; ++y) {
      for (int x = 0; x < kSpec.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          const double wave = std::sin(across * x + down * y + start + 0.3 * c);
          *pixel++ = static_cast<std::uint8_t>(128 + 90 * wave + 30 * uniform(random));
        }
      }
    }
    return frame;
  }

  int first_;
  int frames_;
  int next_ = 0;
};

std::shared_ptr<const Graph> optimized(GraphBuilder& builder, ValueId output) {
  auto graph = optimize_float(builder.build({output}), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::make_shared<const Graph>(std::move(*graph));
}

// A layer that the geometry is of, behind one that is left alone.
std::shared_ptr<const Graph> network(std::int64_t outputs, std::int64_t groups, Shape kernel,
                                     const Attributes& geometry) {
  GraphBuilder builder;
  ValueId value = builder.input("x", {1, 3, kSpec.height, kSpec.width});
  value = builder.node(OpKind::kConv,
                       {value, builder.random({8, 3, 1, 1}, 0.5F), builder.random({8}, 0.5F)});
  Attributes layer = geometry;
  layer.set("group", groups);
  value = builder.node(OpKind::kConv,
                       {value, builder.random({outputs, 8 / groups, kernel[0], kernel[1]}, 0.5F),
                        builder.random({outputs}, 0.5F)},
                       layer);
  return optimized(builder, value);
}

// Weights of four bits, so that rounding them is what costs; wide activations, which do not.
QuantizationPlan four_bits(const Graph& graph) {
  QuantizationPlan plan;
  plan.layers.resize(graph.nodes.size());
  for (LayerPlan& layer : plan.layers) layer.precision = {16, 4, 16};
  return plan;
}

QuantizedModel lowered(const std::shared_ptr<const Graph>& graph, int group_size = 0) {
  WavyFrames frames(0, 8);
  auto calibration = calibrate(graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  QuantizationPlan plan = four_bits(*graph);
  for (LayerPlan& layer : plan.layers) layer.scaling.group_size = group_size;
  auto model = lower(*graph, kSpec, calibration->proposals[0], plan);
  EXPECT_TRUE(model) << model.error().text();
  return std::move(*model);
}

HessianRoundingResult round(QuantizedModel& model, const std::shared_ptr<const Graph>& graph,
                            const HessianRoundingOptions& options = {}) {
  WavyFrames frames(0, 8);
  auto result = round_by_hessian(model, graph, {}, frames, options, {});
  EXPECT_TRUE(result) << result.error().text();
  return result.value_or(HessianRoundingResult());
}

// dB below the signal, on frames that nothing was chosen by.
double noise(const QuantizedModel& model, const std::shared_ptr<const Graph>& graph) {
  WavyFrames frames(100, 6);
  auto judge = OutputNoise::create(graph, frames, 6, 1);
  EXPECT_TRUE(judge);
  return judge->measure(model).value_or(0);
}

struct Geometry {
  const char* name;
  std::int64_t outputs;
  std::int64_t groups;
  Shape kernel;
  Attributes geometry;
};

std::vector<Geometry> geometries() {
  return {
      {"1x1", 6, 1, {1, 1}, {}},
      {"3x3, padded", 6, 1, {3, 3}, testing::padded(1)},
      {"3x5, uneven pads",
       6,
       1,
       {3, 5},
       attributes({{"pads", std::vector<std::int64_t>{0, 2, 1, 3}}})},
      {"strided", 6, 1, {3, 3}, attributes({{"strides", std::vector<std::int64_t>{2, 3}}})},
      {"dilated", 6, 1, {3, 3}, attributes({{"dilations", std::vector<std::int64_t>{2, 1}}})},
      {"grouped", 12, 4, {3, 3}, testing::padded(1)},
      {"depthwise", 8, 8, {5, 5}, testing::padded(2)},
  };
}

// Where the covariance were of other pixels than the layer reads, nothing would be gained.
TEST(HessianRounding, KnowsWhatALayerReads) {
  for (const auto& [name, outputs, groups, kernel, geometry] : geometries()) {
    SCOPED_TRACE(name);
    const auto graph = network(outputs, groups, kernel, geometry);
    QuantizedModel model = lowered(graph);
    const double before = noise(model, graph);
    const HessianRoundingResult result = round(model, graph);
    EXPECT_EQ(result.tried, 2);
    EXPECT_GE(result.kept, 1);
    EXPECT_LT(noise(model, graph), before - 1);
  }
}

TEST(HessianRounding, ProductsToo) {
  GraphBuilder builder;
  ValueId value = builder.input("x", {1, 3, kSpec.height, kSpec.width});
  value = builder.node(OpKind::kTranspose, {value},
                       attributes({{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}}));
  value = builder.node(OpKind::kMatMul, {value, builder.random({kSpec.width, 10}, 0.5F)});
  const auto graph = optimized(builder, value);
  QuantizedModel model = lowered(graph);
  const double before = noise(model, graph);
  EXPECT_GE(round(model, graph).kept, 1);
  EXPECT_LT(noise(model, graph), before - 1);
}

// The first layer's noise is of four bits, and its channels are alike: what lies between them is
// noise, which weights of sixteen bits behind it can leave out.
TEST(HessianRounding, FitsWeightsToWhatTheLayerReads) {
  for (const auto& [name, outputs, groups, kernel, geometry] : geometries()) {
    SCOPED_TRACE(name);
    const auto graph = network(outputs, groups, kernel, geometry);
    QuantizationPlan plan = four_bits(*graph);
    plan.layers.back().precision = {16, 16, 16};
    WavyFrames frames(0, 8);
    auto calibration = calibrate(graph, frames, {}, {});
    ASSERT_TRUE(calibration);
    auto model = lower(*graph, kSpec, calibration->proposals[0], plan);
    ASSERT_TRUE(model) << model.error().text();
    const double before = noise(*model, graph);
    const HessianRoundingResult result = round(*model, graph);
    ASSERT_EQ(result.fitted.size(), 1U);
    const auto& [layer, weights] = *result.fitted.begin();
    EXPECT_EQ(layer, graph->nodes.back().name);
    EXPECT_EQ(weights.shape(), (Shape{outputs, 8 / groups, kernel[0], kernel[1]}));
    EXPECT_LT(noise(*model, graph), before - 1);
  }
}

TEST(HessianRounding, WeightsThatSomebodyChoseAreNotFitted) {
  const auto graph = network(6, 1, {3, 3}, testing::padded(1));
  QuantizedModel model = lowered(graph);
  WavyFrames frames(0, 8);
  LayerWeights chosen;
  for (const Node& node : graph->nodes) chosen[node.name] = channel_layer(*graph, node)->weights;
  const auto result = round_by_hessian(model, graph, chosen, frames, {}, {});
  ASSERT_TRUE(result);
  EXPECT_GE(result->kept, 1);
  EXPECT_TRUE(result->fitted.empty());
}

TEST(HessianRounding, ScalesStayAndWeightsKeepTheirBits) {
  const auto graph = network(6, 1, {3, 3}, {});
  const QuantizedModel before = lowered(graph);
  QuantizedModel model = before;
  round(model, graph);
  ASSERT_EQ(model.integer.values.size(), before.integer.values.size());
  int changed = 0;
  for (std::size_t id = 0; id < model.integer.values.size(); ++id) {
    const Value& value = model.integer.values[id];
    EXPECT_EQ(value.quant, before.integer.values[id].quant);
    if (!value.constant || value.type != DataType::kInt8) continue;
    for (const std::int8_t weight : std::as_const(*value.constant).data<std::int8_t>())
      EXPECT_LE(std::abs(weight), 7);
    const auto old = std::as_const(*before.integer.values[id].constant).data<std::int8_t>();
    const auto now = std::as_const(*value.constant).data<std::int8_t>();
    changed += std::equal(old.begin(), old.end(), now.begin()) ? 0 : 1;
  }
  EXPECT_GE(changed, 1);
}

TEST(HessianRounding, GroupsKeepTheirSteps) {
  const auto graph = network(6, 1, {3, 3}, testing::padded(1));
  const QuantizedModel before = lowered(graph, 4);
  QuantizedModel model = before;
  const double noise_before = noise(before, graph);
  EXPECT_GE(round(model, graph).kept, 1);
  EXPECT_LT(noise(model, graph), noise_before - 1);
  const Node& node = model.integer.nodes.back();
  const std::vector<std::uint8_t> multiples = weight_multiples(model.integer, node);
  EXPECT_EQ(multiples, weight_multiples(before.integer, before.integer.nodes.back()));
  const auto [least, most] = std::minmax_element(multiples.begin(), multiples.end());
  ASSERT_LT(*least, *most);
  const auto levels = [&](const QuantizedModel& of) {
    return std::as_const(*of.integer.value(node.inputs[1]).constant).data<std::int8_t>();
  };
  ASSERT_EQ(levels(model).size(), multiples.size());
  bool changed = false;
  for (std::size_t i = 0; i < multiples.size(); ++i) {
    EXPECT_EQ(levels(model)[i] % multiples[i], 0);
    EXPECT_LE(std::abs(levels(model)[i]), 7 * multiples[i]);
    changed = changed || levels(model)[i] != levels(before)[i];
  }
  EXPECT_TRUE(changed);
}

TEST(HessianRounding, TheSameWithAnyNumberOfThreads) {
  const auto graph = network(6, 1, {3, 3}, {});
  QuantizedModel one = lowered(graph);
  QuantizedModel three = lowered(graph);
  round(one, graph);
  round(three, graph, {.threads = 3});
  for (std::size_t id = 0; id < one.integer.values.size(); ++id) {
    const auto& a = one.integer.values[id].constant;
    const auto& b = three.integer.values[id].constant;
    if (!a) continue;
    EXPECT_TRUE(std::equal(a->raw(), a->raw() + a->bytes(), b->raw()));
  }
}

TEST(HessianRounding, FourBitsAloneWhereAskedFor) {
  const auto graph = network(6, 1, {3, 3}, {});
  WavyFrames frames(0, 8);
  auto calibration = calibrate(graph, frames, {}, {});
  ASSERT_TRUE(calibration);
  auto model = lower(*graph, kSpec, calibration->proposals[0]);
  ASSERT_TRUE(model);
  EXPECT_EQ(round(*model, graph, {.only_4_bit = true}).tried, 0);
}

TEST(HessianRounding, AnEmptySetIsAnError) {
  const auto graph = network(6, 1, {3, 3}, {});
  QuantizedModel model = lowered(graph);
  WavyFrames none(0, 0);
  EXPECT_FALSE(round_by_hessian(model, graph, {}, none, {}, {}));
}

}  // namespace
}  // namespace quant
