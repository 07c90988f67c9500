// SPDX-License-Identifier: MIT
// Outputs with a scale per channel: which can have them, and that the emulator computes what the
// float network does, in the same bits everywhere.
#include "quant/optimize/output_encoding.h"

#include <gmock/gmock.h>

#include <cmath>

#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph_builder.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/optimize/bias_correction.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::ElementsAre;
using testing::float_pixels;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::input_spec;
using testing::padded;
using testing::random_frame;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(8, 6, 3, {127, 127, 127}, {128, 128, 128});

// A convolution whose output channels differ by factors of ten: no range fits all.
ValueId unlike_channels(GraphBuilder& builder, ValueId from, std::int64_t in, std::int64_t out) {
  std::vector<float> weights(static_cast<std::size_t>(in * out));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto channel = static_cast<float>(i / static_cast<std::size_t>(in));
    weights[i] = std::pow(10.0F, -channel / 2) * std::sin(static_cast<float>(i) * 1.3F + 1);
  }
  return builder.node(OpKind::kConv, {from, builder.constant({out, in, 1, 1}, weights)});
}

ValueId transposed(GraphBuilder& builder, ValueId from, std::vector<std::int64_t> perm) {
  return builder.node(OpKind::kTranspose, {from}, attributes({{"perm", std::move(perm)}}));
}

// Two heads of `anchors` boxes (4 numbers) a pixel, joined as (1, boxes, 4).
ValueId detector(GraphBuilder& builder, std::int64_t anchors) {
  const ValueId x = builder.input("x", {1, 3, 6, 8});
  ValueId features =
      builder.node(OpKind::kRelu,
                   {builder.node(OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 1)}, padded(1))});
  std::vector<ValueId> heads;
  for (int level = 0; level < 2; ++level) {
    std::vector<float> weights(static_cast<std::size_t>(anchors * 4 * 8));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] =
          std::pow(10.0F, -static_cast<float>(i / 8 % 4)) * std::cos(static_cast<float>(i) * 0.9F);
    }
    const ValueId head =
        builder.node(OpKind::kConv, {features, builder.constant({anchors * 4, 8, 1, 1}, weights)});
    heads.push_back(builder.node(
        OpKind::kReshape, {transposed(builder, head, {0, 2, 3, 1}), builder.integers({1, -1, 4})}));
    features = builder.node(OpKind::kMaxPool, {features},
                            attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}},
                                        {"strides", std::vector<std::int64_t>{2, 2}}}));
  }
  return builder.node(OpKind::kConcat, heads, attributes({{"axis", std::int64_t{1}}}));
}

std::shared_ptr<const Graph> optimized(Graph native) {
  auto graph = optimize_float(std::move(native), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::make_shared<const Graph>(std::move(*graph));
}

OutputEncodings encodings_of(const Graph& graph) {
  auto found = find_output_encodings(graph);
  EXPECT_TRUE(found) << found.error().text();
  return std::move(*found);
}

struct Quantized {
  std::shared_ptr<const Graph> graph;
  QuantizationPlan plan;
  std::vector<Range> ranges;
  QuantizedModel model;
};

Quantized quantized(Graph native, bool encoded, int output_bits = 8) {
  Quantized result;
  result.graph = optimized(std::move(native));
  CalibrationOptions options;
  if (encoded) result.plan.encodings = encodings_of(*result.graph).found;
  for (const OutputEncoding& encoding : result.plan.encodings)
    options.channel_axes[encoding.output] = encoding.axis;
  RandomFrames frames(kSpec, 6);
  auto calibration = calibrate(result.graph, frames, options, {});
  EXPECT_TRUE(calibration) << calibration.error().text();
  for (OutputEncoding& encoding : result.plan.encodings)
    encoding.ranges = calibration->channels.at(encoding.output);
  result.ranges = calibration->proposals[0];
  if (output_bits == 16) {
    result.plan.layers.resize(result.graph->nodes.size());
    for (LayerPlan& layer : result.plan.layers) layer.precision = {16, 16, 16};
  }
  auto model = lower(*result.graph, kSpec, result.ranges, result.plan);
  EXPECT_TRUE(model) << model.error().text();
  result.model = std::move(*model);
  return result;
}

std::vector<Tensor> run(const QuantizedModel& model, const Tensor& frame, Isa isa, int threads) {
  auto plan = IntegerPlan::create(std::make_shared<const Graph>(model.integer), {isa, {}});
  EXPECT_TRUE(plan) << plan.error().text();
  if (!plan) return {};
  IntegerExecutor executor(*plan, threads);
  std::vector<Tensor> raw = executor.make_outputs();
  EXPECT_TRUE(executor.run(frame, raw));
  return raw;
}

const QuantParams& output_params(const QuantizedModel& model) {
  return *model.integer.value(model.integer.outputs[0]).quant;
}

// dB of every channel of the first output, emulator against float, on a frame that calibration saw.
std::vector<double> channel_snr(const Quantized& quantized, std::size_t axis) {
  const Tensor frame = random_frame(kSpec, 3);
  const Tensor raw = run(quantized.model, frame, Isa::kRef, 1)[0];
  auto real = dequantize_tensor(raw, output_params(quantized.model));
  EXPECT_TRUE(real) << real.error().text();
  auto native = FloatExecutor::create(quantized.graph);
  const Tensor pixels = float_pixels(frame);
  std::vector<Tensor> wanted;
  EXPECT_TRUE(native->run(std::span(&pixels, 1), wanted));
  const auto channels = static_cast<std::size_t>(raw.shape()[axis]);
  const auto inner = static_cast<std::size_t>(row_major_strides(raw.shape())[axis]);
  std::vector<double> signal(channels);
  std::vector<double> noise(channels);
  for (std::size_t i = 0; i < real->data<float>().size(); ++i) {
    const double want = wanted[0].data<float>()[i];
    signal[i / inner % channels] += want * want;
    noise[i / inner % channels] += std::pow(real->data<float>()[i] - want, 2);
  }
  std::vector<double> result;
  for (std::size_t c = 0; c < channels; ++c)
    result.push_back(10 * std::log10(signal[c] / noise[c]));
  return result;
}

Graph feature_map_network(bool relu = false) {
  GraphBuilder builder;
  ValueId made = unlike_channels(builder, builder.input("x", {1, 3, 6, 8}), 3, 6);
  if (relu) made = builder.node(OpKind::kRelu, {made});
  return builder.build({made});
}

TEST(OutputEncoding, FeatureMapsAreEncodedAlongTheirChannels) {
  for (const bool relu : {false, true}) {
    const auto found = encodings_of(*optimized(feature_map_network(relu)));
    ASSERT_EQ(found.found.size(), 1U);
    EXPECT_EQ(found.found[0].axis, 1);
    EXPECT_EQ(found.found[0].carriers.size(), 1U);
    EXPECT_EQ(found.found[0].carriers.begin()->second.channels,
              (std::vector<int>{0, 1, 2, 3, 4, 5}));
  }
}

TEST(OutputEncoding, EveryChannelHasItsOwnRange) {
  const Quantized with = quantized(feature_map_network(), true);
  const QuantParams& params = output_params(with.model);
  ASSERT_EQ(params.scale.size(), 6U);
  EXPECT_EQ(params.axis, 1);
  // By hand: extremes of each channel of the float network over the calibration frames.
  auto native = FloatExecutor::create(with.graph);
  std::vector<float> low(6, 0);
  std::vector<float> high(6, 0);
  for (unsigned seed = 1; seed <= 6; ++seed) {
    const Tensor pixels = float_pixels(random_frame(kSpec, seed));
    std::vector<Tensor> outputs;
    ASSERT_TRUE(native->run(std::span(&pixels, 1), outputs));
    const auto values = std::as_const(outputs[0]).data<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      low[i / 48] = std::min(low[i / 48], values[i]);
      high[i / 48] = std::max(high[i / 48], values[i]);
    }
  }
  for (std::size_t c = 0; c < 6; ++c) {
    // Six frames of 48 values, and room for what they do not show.
    const float room = (high[c] - low[c]) / (6 * 48 - 1);
    low[c] -= room;
    high[c] += room;
    EXPECT_FLOAT_EQ(params.scale[c], (high[c] - low[c]) / 255) << c;
    EXPECT_EQ(params.zero_point[c], std::nearbyint(-low[c] / params.scale[c])) << c;
  }
}

TEST(OutputEncoding, SmallChannelsKeepTheirBits) {
  const auto with = channel_snr(quantized(feature_map_network(), true), 1);
  const auto without = channel_snr(quantized(feature_map_network(), false), 1);
  for (const double snr : with) EXPECT_GT(snr, 38);
  EXPECT_LT(without.back(), 10);  // a 300th of the largest: hardly a step of the common scale
}

TEST(OutputEncoding, GoesThroughReshapesTransposesAndConcatenations) {
  GraphBuilder builder;
  const ValueId boxes = detector(builder, 3);
  const Graph network = builder.build({boxes});
  const auto found = encodings_of(*optimized(network));
  ASSERT_EQ(found.found.size(), 1U);
  EXPECT_EQ(found.found[0].axis, 2);
  EXPECT_EQ(found.found[0].carriers.size(),
            7U);  // two convolutions, four moved tensors, the output

  const Quantized with = quantized(network, true);
  EXPECT_EQ(output_params(with.model).scale.size(), 4U);
  for (const Node& node : with.model.integer.nodes) {
    const QuantParams& params = *with.model.integer.value(node.outputs[0]).quant;
    // Channel c of a head is number c mod 4 of a box.
    if (node.op != OpKind::kConv || !params.per_channel()) continue;
    ASSERT_EQ(params.scale.size(), 12U);
    for (std::size_t c = 0; c < 12; ++c)
      EXPECT_EQ(params.scale[c], output_params(with.model).scale[c % 4]);
  }
  const auto snr = channel_snr(with, 2);
  const auto plain = channel_snr(quantized(network, false), 2);
  EXPECT_GT(snr[3], 30);
  EXPECT_LT(plain[3], 10);
}

// Two of four channels of one head, of a single channel of another: [1, pixels, 1] beside
// [1, pixels, 2].
TEST(OutputEncoding, AHeadOfOneChannelTakesItsPlace) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 8});
  std::vector<ValueId> parts;
  for (const std::int64_t channels : {2, 1}) {
    const ValueId head = builder.node(
        OpKind::kConv, {x, builder.random({channels, 3, 1, 1}, channels == 2 ? 1.0F : 0.01F)});
    parts.push_back(builder.node(OpKind::kReshape, {transposed(builder, head, {0, 2, 3, 1}),
                                                    builder.integers({1, -1, channels})}));
  }
  const Graph network = builder.build(
      {builder.node(OpKind::kConcat, parts, attributes({{"axis", std::int64_t{2}}}))});
  const Quantized with = quantized(network, true);
  EXPECT_EQ(output_params(with.model).scale.size(), 3U);
  for (const double snr : channel_snr(with, 2)) EXPECT_GT(snr, 38);
}

TEST(OutputEncoding, ProductsAreEncodedAlongTheLastAxis) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 8});
  const ValueId tokens = transposed(
      builder, builder.node(OpKind::kReshape, {x, builder.integers({1, 3, 48})}), {0, 2, 1});
  const ValueId made = builder.node(
      OpKind::kAdd,
      {builder.node(OpKind::kMatMul, {tokens, builder.random({3, 5}, 1)}), builder.random({5}, 1)});
  const Quantized with = quantized(builder.build({made}), true);
  EXPECT_EQ(output_params(with.model).scale.size(), 5U);
  EXPECT_EQ(output_params(with.model).axis, 2);
  for (const double snr : channel_snr(with, 2)) EXPECT_GT(snr, 38);
}

TEST(OutputEncoding, SixteenBits) {
  const Quantized with = quantized(feature_map_network(), true, 16);
  EXPECT_EQ(output_params(with.model).type, DataType::kUint16);
  EXPECT_EQ(output_params(with.model).scale.size(), 6U);
  for (const double snr : channel_snr(with, 1)) EXPECT_GT(snr, 80);
}

TEST(OutputEncoding, EveryInstructionSetAndThreadCountGivesTheSameBits) {
  GraphBuilder builder;
  const Graph network = builder.build({detector(builder, 5)});
  for (const int bits : {8, 16}) {
    const Quantized with = quantized(network, true, bits);
    const Tensor frame = random_frame(kSpec, 99);
    const Tensor expected = run(with.model, frame, Isa::kRef, 1)[0];
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 3}) {
        const Tensor found = run(with.model, frame, isa, threads)[0];
        EXPECT_TRUE(std::equal(found.raw(), found.raw() + found.bytes(), expected.raw()))
            << to_string(isa) << ", " << threads << " threads, " << bits << " bits";
      }
    }
  }
}

TEST(OutputEncoding, WhatMakesOtherTensorsIsNamed) {
  GraphBuilder builder;
  const ValueId boxes = detector(builder, 1);
  const ValueId scores =
      builder.node(OpKind::kSoftmax, {boxes}, attributes({{"axis", std::int64_t{2}}}));
  const auto graph = optimized(builder.build({scores, boxes}));
  const auto found = encodings_of(*graph);
  EXPECT_TRUE(found.found.empty());
  ASSERT_EQ(found.refused.size(), 2U);
  EXPECT_THAT(found.refused.at(graph->outputs[0]),
              HasSubstr("softmax1 (Softmax) makes it, and only layers with weights"));
  EXPECT_THAT(found.refused.at(graph->outputs[1]), HasSubstr("softmax1 reads it too"));
}

TEST(OutputEncoding, ChannelsThatLieAlongNoAxis) {
  GraphBuilder builder;
  const ValueId map = unlike_channels(builder, builder.input("x", {1, 3, 6, 8}), 3, 6);
  const auto graph = optimized(builder.build({builder.node(OpKind::kFlatten, {map})}));
  const auto found = encodings_of(*graph);
  EXPECT_TRUE(found.found.empty());
  EXPECT_THAT(found.refused.at(graph->outputs[0]), HasSubstr("along no axis"));
}

// The plan asks for 16 bits behind the convolution alone: a change of precision stands between.
TEST(OutputEncoding, IsLeftOutWhereAChangeOfPrecisionCameBetween) {
  GraphBuilder builder;
  const ValueId map = unlike_channels(builder, builder.input("x", {1, 3, 6, 8}), 3, 6);
  Quantized parts = quantized(builder.build({transposed(builder, map, {0, 2, 3, 1})}), true);
  EXPECT_EQ(output_params(parts.model).scale.size(), 6U);
  parts.plan.layers.resize(parts.graph->nodes.size());
  parts.plan.layers.back().precision = {16, 8, 16};
  auto model = lower(*parts.graph, kSpec, parts.ranges, parts.plan);
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ(output_params(*model).scale.size(), 1U);
  EXPECT_EQ(output_params(*model).type, DataType::kUint16);
}

TEST(OutputEncoding, BiasCorrectionKnowsTheChannels) {
  GraphBuilder builder;
  Quantized with = quantized(builder.build({detector(builder, 2)}), true);
  const auto before = channel_snr(with, 2);
  RandomFrames frames(kSpec, 6);
  ASSERT_TRUE(correct_biases(with.model, with.graph, frames, {}, {}));
  const auto after = channel_snr(with, 2);
  for (std::size_t c = 0; c < before.size(); ++c) EXPECT_GT(after[c], before[c] - 1) << c;
}

TEST(ChannelExtremes, LeaveRoomForWhatFewValuesDoNotShow) {
  ChannelExtremes vectors({1, 2}, 1);
  EXPECT_EQ(vectors.ranges(), (std::vector<Range>{{0, 0}, {0, 0}}));
  for (const float value : {-1.0F, 3.0F, 0.0F, 1.0F, 2.0F}) {
    const float frame[] = {value, 0.5F};
    vectors.observe(frame);
  }
  // Five values of each channel: a quarter of what they span, on either side.
  EXPECT_EQ(vectors.ranges()[0], (Range{-2, 4}));
  EXPECT_EQ(vectors.ranges()[1], (Range{0.5F, 0.5F}));
}

}  // namespace
}  // namespace quant
