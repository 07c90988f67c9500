// SPDX-License-Identifier: MIT
// Hybrids against the emulator (everything quantized), the float network (nothing quantized) and
// scales that are known.
#include "quant/analyze/hybrid_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "quant/analyze/channel_scales.h"
#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph_builder.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/metrics/snr.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/split_channels.h"

namespace quant {
namespace {

using testing::GraphBuilder;

constexpr int kSide = 24;
constexpr std::size_t kChannels = 8;

InputSpec gray() {
  InputSpec spec;
  spec.name = "x";
  spec.width = kSide;
  spec.height = kSide;
  spec.color = ColorOrder::kGray;
  spec.mean = {0.0F};
  spec.std = {1.0F};
  return spec;
}

// Convolution, ReLU, two convolutions that read it, and their sum. Channel c between them is
// multiplied by gain[c], which changes no output.
Graph network(const std::vector<double>& gain) {
  std::mt19937 engine(7);
  std::normal_distribution<float> normal(0, 0.1F);
  const auto draw = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(engine);
    return values;
  };
  std::vector<float> first = draw(kChannels * 9);
  std::vector<float> bias = draw(kChannels);
  std::vector<float> left = draw(4 * kChannels * 9);
  std::vector<float> right = draw(4 * kChannels);
  for (std::size_t i = 0; i < first.size(); ++i)
    first[i] = static_cast<float>(first[i] * gain[i / 9]);
  for (std::size_t c = 0; c < kChannels; ++c) bias[c] = static_cast<float>(bias[c] * gain[c]);
  for (std::size_t i = 0; i < left.size(); ++i)
    left[i] = static_cast<float>(left[i] / gain[i / 9 % kChannels]);
  for (std::size_t i = 0; i < right.size(); ++i)
    right[i] = static_cast<float>(right[i] / gain[i % kChannels]);

  GraphBuilder builder;
  const auto channels = static_cast<std::int64_t>(kChannels);
  Attributes same;
  same.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const ValueId a = builder.node(
      OpKind::kConv,
      {x, builder.constant({channels, 1, 3, 3}, first), builder.constant({channels}, bias)}, same);
  const ValueId b = builder.node(OpKind::kRelu, {a});
  const ValueId c =
      builder.node(OpKind::kConv, {b, builder.constant({4, channels, 3, 3}, left)}, same);
  const ValueId d = builder.node(OpKind::kConv, {b, builder.constant({4, channels, 1, 1}, right)});
  return builder.build({builder.node(OpKind::kAdd, {c, d})});
}

Tensor pixels() {
  Tensor frame(DataType::kUint8, {1, kSide, kSide, 1});
  std::mt19937 engine(3);
  for (std::uint8_t& pixel : frame.data<std::uint8_t>())
    pixel = static_cast<std::uint8_t>(engine() % 256);
  return frame;
}

Tensor float_frame() {
  const Tensor frame = pixels();
  Tensor real(DataType::kFloat32, {1, 1, kSide, kSide});
  const auto from = frame.data<std::uint8_t>();
  std::copy(from.begin(), from.end(), real.data<float>().begin());
  return real;
}

Tensor run_float(const Graph& graph) {
  auto executor = FloatExecutor::create(std::make_shared<const Graph>(graph), 1);
  EXPECT_TRUE(executor) << executor.error().text();
  const Tensor input = float_frame();
  std::vector<Tensor> outputs;
  const Status status = executor->run(std::span(&input, 1), outputs);
  EXPECT_TRUE(status) << status.error().text();
  return outputs[0];
}

Tensor run_emulator(const std::shared_ptr<const Graph>& integer) {
  auto plan = IntegerPlan::create(integer, {});
  EXPECT_TRUE(plan) << plan.error().text();
  IntegerExecutor executor(*plan, 1);
  std::vector<Tensor> outputs = executor.make_outputs();
  EXPECT_TRUE(executor.run(pixels(), outputs));
  return *dequantize_tensor(outputs[0], *integer->value(integer->outputs[0]).quant);
}

double ratio_db(const Tensor& reference, const Tensor& test) {
  const Snr snr = measure_error(reference, test)->snr();
  return snr.state == SnrState::kExact ? 300 : snr.db;
}

struct Case {
  const char* name;
  PrecisionMode precision;
  bool equalized;
  int group_size = 0;
  int copies = 1;  // of the first convolution
};

class Hybrid : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().equalized) gain_ = {0.25, 3.0, 1.0, 0.7, 4.0, 1.9, 0.4, 2.0};
    original_ = network(std::vector<double>(kChannels, 1.0));
    const Graph scaled = network(gain_);
    std::vector<Range> ranges(scaled.values.size());
    auto executor = FloatExecutor::create(std::make_shared<const Graph>(scaled), 1);
    const Tensor input = float_frame();
    for (std::size_t id = 0; id < ranges.size(); ++id) {
      if (scaled.values[id].constant) continue;
      const auto value = static_cast<ValueId>(id);
      std::vector<Tensor> tapped;
      ASSERT_TRUE(executor->run_with_taps(std::span(&input, 1), std::span(&value, 1), tapped));
      const auto values = std::as_const(tapped[0]).data<float>();
      ranges[id] = {*std::min_element(values.begin(), values.end()),
                    *std::max_element(values.begin(), values.end())};
    }
    ranges[static_cast<std::size_t>(scaled.inputs[0])] = {0, 255};
    QuantizationPlan plan;
    plan.layers.assign(scaled.nodes.size(), {GetParam().precision, {}});
    for (LayerPlan& layer : plan.layers) layer.scaling.group_size = GetParam().group_size;
    auto model = lower(scaled, gray(), ranges, plan);
    ASSERT_TRUE(model) << model.error().text();
    if (GetParam().copies > 1) {
      const ChannelSplit split = {scaled.nodes[0].name, GetParam().copies,
                                  step_of(scaled, 0, model->integer)};
      const auto copied = split_channels({scaled, plan, ranges}, {&split, 1});
      ASSERT_TRUE(copied) << copied.error().text();
      model = lower(copied->graph, gray(), copied->ranges, copied->plan);
      ASSERT_TRUE(model) << model.error().text();
    }
    auto found = with_copies_and_scales(original_, model->integer);
    ASSERT_TRUE(found) << found.error().text();
    ScaledNetwork& matched = *found;
    subject_ = {std::make_shared<const Graph>(std::move(model->integer)),
                std::make_shared<const Graph>(std::move(model->host)),
                std::make_shared<const Graph>(std::move(matched.network)), gray(),
                std::move(matched.scaled)};
  }

  Graph hybrid(const std::set<std::string>& quantized) {
    auto graph = hybrid_network(subject_, quantized);
    EXPECT_TRUE(graph) << graph.error().text();
    return std::move(*graph);
  }
  std::set<std::string> all() {
    std::set<std::string> names;
    for (const Layer& layer : hybrid_layers(subject_)) names.insert(layer.name);
    return names;
  }

  std::vector<double> gain_ = std::vector<double>(kChannels, 1.0);
  Graph original_;
  NoiseSubject subject_;
};

TEST_P(Hybrid, WithoutQuantizedLayersIsTheFloatNetwork) {
  EXPECT_EQ(ratio_db(run_float(*subject_.float_network), run_float(hybrid({}))), 300);
}

// What is left is values on the border of two integers, which float sums push over.
TEST_P(Hybrid, WithAllLayersQuantizedIsTheEmulatorButForTies) {
  const Tensor emulated = run_emulator(subject_.integer);
  const double quantization = ratio_db(run_float(original_), emulated);
  EXPECT_LT(quantization, 120);
  EXPECT_GT(ratio_db(emulated, run_float(hybrid(all()))), quantization + 12);
}

TEST_P(Hybrid, LayersAloneAddUpToTheWhole) {
  const Tensor reference = run_float(original_);
  const auto share = [&](const std::set<std::string>& quantized) {
    const OutputError error = *measure_error(reference, run_float(hybrid(quantized)));
    return error.noise / error.signal;
  };
  double sum = 0;
  for (const std::string& name : all()) sum += share({name});
  const double whole = share(all());
  EXPECT_GT(whole, 0.5 * sum);
  EXPECT_LT(whole, 2 * sum);
}

TEST_P(Hybrid, ScalesAreReadOffTheWeights) {
  const Graph& scaled = *subject_.float_network;
  // A ReLU bends what is shifted by parts of a step.
  const double same = GetParam().copies == 1 ? 120 : 50;
  EXPECT_GT(ratio_db(run_float(original_), run_float(scaled)), same);
  const Node& first = original_.nodes[0];
  EXPECT_EQ(subject_.scaled.contains(original_.value(first.outputs[0]).name), GetParam().equalized);
  const auto before = original_.value(first.inputs[1]).constant->data<float>();
  const auto after = scaled.value(scaled.nodes[0].inputs[1]).constant->data<float>();
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(after[i] / before[i] / gain_[i / 9], 1, 1e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Cases, Hybrid,
                         ::testing::Values(Case{"a8_w8", {8, 8, 8}, false},
                                           Case{"a8_w8_equalized", {8, 8, 8}, true},
                                           Case{"a8_w4_equalized", {8, 4, 8}, true},
                                           Case{"a8_w4_in_groups", {8, 4, 8}, true, 4},
                                           Case{"a8_w8_copied", {8, 8, 8}, false, 0, 3},
                                           Case{"a8_w8_equalized_copied", {8, 8, 8}, true, 0, 2},
                                           Case{"a16_w8_equalized", {16, 8, 16}, true},
                                           Case{"a16_w16", {16, 16, 16}, false},
                                           Case{"a16_w16_equalized", {16, 16, 16}, true}),
                         [](const auto& one) { return std::string(one.param.name); });

// The scale of a channel whose weights lie in groups of other steps: exact where each weight lies
// within half a step of its own.
TEST(WeightScale, OfWeightsInGroups) {
  const std::vector<double> steps = {0.1, 0.1, 0.9, 0.9};
  const std::vector<double> real = {0.3, -0.7, 6.3, 2.7};  // 7 · 0.9 is the largest
  const std::vector<double> reference = {0.167, -0.36, 3.15, 1.5};
  const WeightScale found = weight_scale(real, reference, steps, 6.3);
  EXPECT_TRUE(found.exact);
  EXPECT_DOUBLE_EQ(found.scale, 2);
  // Half a step of the largest would be too much for a group of small ones.
  const std::vector<double> moved = {0.167, -0.27, 3.15, 1.5};
  EXPECT_FALSE(weight_scale(real, moved, steps, 6.3).exact);
}

// A change of precision between two layers rounds for the second one alone.
TEST(HybridNetwork, ChangesOfPrecisionAreLayers) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const ValueId a = builder.node(OpKind::kConv, {x, builder.constant({1, 1, 1, 1}, {0.7F})});
  const ValueId b = builder.node(OpKind::kConv, {a, builder.constant({1, 1, 1, 1}, {0.9F})});
  const ValueId c = builder.node(OpKind::kAdd, {a, b});
  const Graph graph = builder.build({c});
  std::vector<Range> ranges(graph.values.size(), {0, 400});
  ranges[static_cast<std::size_t>(x)] = {0, 255};
  QuantizationPlan plan;
  plan.layers = {{{16, 8, 16}, {}}, {{8, 8, 16}, {}}, {{16, 8, 16}, {}}};
  auto model = lower(graph, gray(), ranges, plan);
  ASSERT_TRUE(model) << model.error().text();
  const NoiseSubject subject = {std::make_shared<const Graph>(model->integer),
                                std::make_shared<const Graph>(model->host),
                                std::make_shared<const Graph>(graph),
                                gray(),
                                {}};
  std::set<std::string> names;
  for (const Layer& layer : hybrid_layers(subject)) names.insert(layer.name);
  ASSERT_TRUE(names.contains("precision_change1"));
  const Tensor reference = run_float(graph);
  const Tensor emulated = run_emulator(subject.integer);
  const auto hybrid = hybrid_network(subject, names);
  ASSERT_TRUE(hybrid) << hybrid.error().text();
  EXPECT_GT(ratio_db(emulated, run_float(*hybrid)), ratio_db(reference, emulated) + 12);
  // a goes through 8 bits (step 400/255) for the second layer alone: 0.9² · step²/12.
  const auto change = hybrid_network(subject, {"precision_change1"});
  ASSERT_TRUE(change) << change.error().text();
  const double step = 400.0 / 255;
  EXPECT_NEAR(measure_error(reference, run_float(*change))->mse(), 0.81 * step * step / 12,
              0.1 * step * step / 12);
}

}  // namespace
}  // namespace quant
