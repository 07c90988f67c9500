// SPDX-License-Identifier: MIT
// Networks that take features instead of a frame: what enters the integer graph, and that it is
// quantized as exactly as the layers that read it.
#include "quant/optimize/integer_inputs.h"

#include <gmock/gmock.h>

#include <random>

#include "quant/graph_builder.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::ElementsAre;
using testing::GraphBuilder;

QuantParams params(float scale, float zero_point, DataType type) {
  QuantParams result;
  result.scale = {scale};
  result.zero_point = {zero_point};
  result.type = type;
  return result;
}

Graph two_inputs(DataType type) {
  Graph graph;
  for (const auto& [name, shape] : {std::pair{"tokens", Shape{1, 2}}, {"map", Shape{1, 2, 1, 3}}}) {
    Value value;
    value.name = name;
    value.type = type;
    value.shape = shape;
    value.quant = params(0.5F, 10, type);
    graph.inputs.push_back(graph.add_value(std::move(value)));
  }
  return graph;
}

InputSpec spec_of(const Graph& graph) {
  InputSpec spec;
  for (const ValueId id : graph.inputs)
    spec.features.push_back({graph.value(id).name, graph.value(id).shape});
  return spec;
}

// Ties to even, ends saturated, a feature map channels last.
TEST(IntegerInputs, FeaturesFollowTheEdgeRule) {
  const Graph graph = two_inputs(DataType::kUint8);
  const std::vector<Tensor> floats = {
      Tensor::from<float>({1, 2}, std::vector<float>{0.25F, -1000}),
      Tensor::from<float>({1, 2, 1, 3}, std::vector<float>{0, 1, 2, 10, 11, 1000})};
  const auto integers = integer_inputs(graph, spec_of(graph), floats);
  ASSERT_EQ(integers.size(), 2U);
  EXPECT_THAT(integers[0].data<std::uint8_t>(), ElementsAre(10, 0));
  EXPECT_EQ(integers[1].shape(), (Shape{1, 1, 3, 2}));
  EXPECT_THAT(integers[1].data<std::uint8_t>(), ElementsAre(10, 30, 12, 32, 14, 255));
}

TEST(IntegerInputs, SixteenBitsReachFurther) {
  const Graph graph = two_inputs(DataType::kUint16);
  const std::vector<Tensor> floats = {
      Tensor::from<float>({1, 2}, std::vector<float>{1000, 1e9F}),
      Tensor::from<float>({1, 2, 1, 3}, std::vector<float>{0, 1, 2, 10, 11, 1000})};
  const auto integers = integer_inputs(graph, spec_of(graph), floats);
  EXPECT_THAT(integers[0].data<std::uint16_t>(), ElementsAre(2010, 65535));
  EXPECT_THAT(integers[1].data<std::uint16_t>(), ElementsAre(10, 30, 12, 32, 14, 2010));
}

// Random features; the second input lies in a range of its own.
class RandomFeatures : public CalibrationSet {
 public:
  explicit RandomFeatures(InputSpec spec) : spec_(std::move(spec)) {}
  std::optional<std::int64_t> count() const override { return 8; }
  Result<std::optional<std::vector<Tensor>>> next() override {
    std::optional<std::vector<Tensor>> frame;
    if (given_++ == 8) return frame;
    frame.emplace();
    for (const FeatureInput& feature : spec_.features) {
      Tensor& tensor = frame->emplace_back(DataType::kFloat32, feature.shape);
      std::normal_distribution<float> normal(1, frame->size() == 1 ? 1.0F : 20.0F);
      for (float& value : tensor.data<float>()) value = normal(engine_);
    }
    return frame;
  }
  Status rewind() override {
    given_ = 0;
    engine_.seed(1);
    return {};
  }

 private:
  InputSpec spec_;
  std::mt19937 engine_{1};
  int given_ = 0;
};

struct Network {
  std::shared_ptr<const Graph> graph;
  InputSpec spec;
};

// Attention between tokens of the two inputs, and a convolution of a third, a feature map.
Network attention() {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 5, 8});
  const ValueId y = b.input("y", {1, 7, 8});
  const ValueId map = b.input("map", {2, 6, 4, 3});
  const ValueId keys =
      b.node(OpKind::kTranspose, {b.node(OpKind::kMul, {y, b.constant({}, {0.05F})})},
             attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  const ValueId query = b.node(OpKind::kMatMul, {x, b.random({8, 8}, 0.4F)});
  const ValueId weights = b.node(OpKind::kSoftmax, {b.node(OpKind::kMatMul, {query, keys})},
                                 attributes({{"axis", std::int64_t{-1}}}));
  const ValueId mixed = b.node(OpKind::kMatMul, {weights, y});
  const ValueId convolved = b.node(OpKind::kConv, {map, b.random({4, 6, 1, 1}, 0.4F)});
  Network result;
  Graph graph = b.build({mixed, convolved});
  result.spec = spec_of(graph);
  auto optimized = optimize_float(std::move(graph), result.spec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  result.graph = std::make_shared<const Graph>(std::move(*optimized));
  return result;
}

QuantizationPlan plan_of(const Graph& graph, int bits) {
  QuantizationPlan plan;
  plan.layers.resize(graph.nodes.size());
  for (LayerPlan& layer : plan.layers) layer.precision = {bits, bits, bits};
  return plan;
}

// Signal-to-noise ratio of all outputs in dB, worst first, against the float network.
double snr(const Network& network, const QuantizationPlan& plan) {
  RandomFeatures frames(network.spec);
  const auto calibration = calibrate(network.graph, frames, {}, {});
  EXPECT_TRUE(calibration) << calibration.error().text();
  const auto model = lower(*network.graph, network.spec, calibration->proposals[0], plan);
  EXPECT_TRUE(model) << model.error().text();
  if (!model) return -1;
  auto judge = OutputNoise::create(network.graph, frames, 8, 1);
  EXPECT_TRUE(judge) << judge.error().text();
  const auto ratios = judge->ratios(*model);
  EXPECT_TRUE(ratios) << ratios.error().text();
  double worst = 1000;
  for (const auto& ratio : *ratios) worst = std::min(worst, -10 * std::log10(*ratio));
  return worst;
}

TEST(FeatureNetwork, QuantizesInEightBits) {
  const Network network = attention();
  EXPECT_GT(snr(network, plan_of(*network.graph, 8)), 25);
}

// Inputs of 8 bits would leave about 40 dB.
TEST(FeatureNetwork, InputsAreAsExactAsTheirReaders) {
  const Network network = attention();
  EXPECT_GT(snr(network, plan_of(*network.graph, 16)), 70);
}

// `x` and `map` are read in 16 bits, `y` in both: a change of precision serves the readers of 8.
TEST(FeatureNetwork, ReadersMayDiffer) {
  const Network network = attention();
  QuantizationPlan plan = plan_of(*network.graph, 8);
  for (std::size_t i = 0; i < network.graph->nodes.size(); ++i) {
    if (network.graph->nodes[i].op != OpKind::kMul) plan.layers[i].precision = {16, 16, 16};
  }
  const double mixed = snr(network, plan);
  EXPECT_GT(mixed, 25);
  EXPECT_GT(mixed, snr(network, plan_of(*network.graph, 8)));
}

TEST(FeatureNetwork, ADescriptionThatDoesNotFitIsAnError) {
  Network network = attention();
  network.spec.features.pop_back();
  const auto model =
      lower(*network.graph, network.spec, std::vector<Range>(network.graph->values.size()), {});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().text(), ::testing::HasSubstr("has 3 inputs, its description 2"));
}

}  // namespace
}  // namespace quant
