// SPDX-License-Identifier: MIT
// Layers whose noise, dead channels and saturation follow from how they were made.
#include "quant/analyze/layer_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "quant/analyze/channel_scales.h"
#include "quant/analyze/layer_noise_advice.h"
#include "quant/analyze/layer_noise_full.h"
#include "quant/graph_builder.h"
#include "quant/optimize/lower.h"

namespace quant {
namespace {

using testing::GraphBuilder;

constexpr int kSide = 64;

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

// All grey levels, equally often, in any order.
Frame uniform_frame() {
  Frame frame;
  frame.name = "uniform";
  frame.pixels = Tensor(DataType::kUint8, {kSide, kSide, 1});
  auto pixels = frame.pixels->data<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  std::shuffle(pixels.begin(), pixels.end(), std::mt19937(1));
  frame.network_input = normalize_frame(*frame.pixels, gray());
  return frame;
}

// x → 1x1 convolution with one weight an output channel.
Graph pointwise(const std::vector<float>& weights) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const auto channels = static_cast<std::int64_t>(weights.size());
  const ValueId w = builder.constant({channels, 1, 1, 1}, weights);
  const ValueId y = builder.node(OpKind::kConv, {x, w});
  Graph graph = builder.build({y});
  graph.value(y).name = "y";
  return graph;
}

// `quantized` lowered with these ranges of the convolution's output, against `original`.
NoiseSubject subject(const Graph& original, const Graph& quantized, Range range) {
  std::vector<Range> ranges(quantized.values.size());
  ranges[static_cast<std::size_t>(quantized.inputs[0])] = {0, 255};
  ranges[static_cast<std::size_t>(quantized.outputs[0])] = range;
  auto model = lower(quantized, gray(), ranges);
  EXPECT_TRUE(model) << model.error().text();
  return {std::make_shared<const Graph>(std::move(model->integer)),
          std::make_shared<const Graph>(std::move(model->host)),
          std::make_shared<const Graph>(original),
          gray(),
          {}};
}

NoiseReport analyze(NoiseSubject both) {
  auto analysis = LayerNoiseAnalysis::create(std::move(both), 1);
  EXPECT_TRUE(analysis) << analysis.error().text();
  EXPECT_TRUE(analysis->add_frame(uniform_frame()));
  return analysis->report();
}

NoiseReport analyze(const std::vector<float>& weights, Range range) {
  const Graph graph = pointwise(weights);
  return analyze(subject(graph, graph, range));
}

// Σp² / n of the grey levels 0 … 255.
constexpr double kMeanSquare = 255.0 * 511.0 / 6;

TEST(LayerNoise, RoundingNoiseIsStepSquaredByTwelve) {
  // 800 / 255: no multiple of a grey level, so what is rounded off is spread evenly.
  const NoiseReport report = analyze({1.0F}, {0, 800});
  ASSERT_EQ(report.layers.size(), 1U);
  const LayerNoise& layer = report.layers[0];
  EXPECT_EQ(layer.layer, "conv1");
  EXPECT_EQ(layer.value, "y");
  const double step = 800.0 / 255;
  EXPECT_NEAR(layer.error.mse(), step * step / 12, 0.02 * step * step / 12);
  EXPECT_NEAR(layer.error.snr().db, 10 * std::log10(kMeanSquare * 12 / (step * step)), 0.1);
  EXPECT_FALSE(layer.channel_scaled);
  EXPECT_EQ(layer.seen_min, 0);
  EXPECT_EQ(layer.seen_max, 255);
  EXPECT_EQ(layer.dead_channels, 0);
  EXPECT_EQ(layer.saturation, 0);
  EXPECT_NEAR(layer.empty_range, 1 - 255.0 / 800, 0.01);
  EXPECT_DOUBLE_EQ(layer.added_noise, layer.error.noise / layer.error.signal);
  ASSERT_EQ(report.outputs.size(), 1U);
  EXPECT_DOUBLE_EQ(report.outputs[0].error.snr().db, layer.error.snr().db);
}

TEST(LayerNoise, SaturationCountsWhatLiesAtTheEnd) {
  // Steps of 0.5: grey levels from 127.25 on, 128 of 256, end at integer 255.
  const NoiseReport report = analyze({1.0F}, {0, 127.5F});
  const LayerNoise& layer = report.layers[0];
  EXPECT_DOUBLE_EQ(layer.saturation, 0.5);
  const std::vector<LayerAdvice> advice = advise(report);
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_EQ(advice[0].script, "quantization_param(conv1, force_range_out=[0, 255])");
}

TEST(LayerNoise, DeadAndLostChannelsAndSpread) {
  // Steps of one: 0.001 · 255 never reaches a half and is lost; 0 is dead in float as well.
  const NoiseReport report = analyze({1.0F, 0.001F, 0.0F, 0.25F, 0.125F}, {0, 255});
  const LayerNoise& layer = report.layers[0];
  EXPECT_EQ(layer.channels, 5);
  EXPECT_EQ(layer.dead_channels, 2);
  EXPECT_EQ(layer.lost_channels, 1);
  // Ranges 255 · {1, 0.25, 0.125, 0.001}: the upper of the middle two is 0.25.
  EXPECT_NEAR(layer.channel_spread, 4, 1e-3);
  EXPECT_EQ(advise(report)[0].script,
            "pre_quantization_optimization(equalization, layers=[conv1], policy=enabled)");
}

NoiseReport analyze_full(const NoiseSubject& both) {
  NoiseReport report = analyze(both);
  const std::vector<Tensor> pixels = float_inputs(uniform_frame(), gray());
  const Status status = add_full_analysis(both, std::span(&pixels, 1), 1, {}, report);
  EXPECT_TRUE(status) << status.error().text();
  EXPECT_EQ(report.full_frames, 1);
  return report;
}

// Two layers that pass grey levels on, halved by the second, with ranges of their own.
TEST(LayerNoise, FullAnalysisQuantizesOneLayerAlone) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const ValueId first = builder.node(OpKind::kConv, {x, builder.constant({1, 1, 1, 1}, {1.0F})});
  const ValueId second =
      builder.node(OpKind::kConv, {first, builder.constant({1, 1, 1, 1}, {0.5F})});
  const Graph graph = builder.build({second});
  std::vector<Range> ranges(graph.values.size());
  ranges[static_cast<std::size_t>(x)] = {0, 255};
  ranges[static_cast<std::size_t>(first)] = {0, 800};
  ranges[static_cast<std::size_t>(second)] = {0, 300};
  auto model = lower(graph, gray(), ranges);
  ASSERT_TRUE(model) << model.error().text();
  const NoiseReport report = analyze_full({std::make_shared<const Graph>(model->integer),
                                           std::make_shared<const Graph>(model->host),
                                           std::make_shared<const Graph>(graph),
                                           gray(),
                                           {}});
  ASSERT_EQ(report.layers.size(), 2U);
  EXPECT_EQ(report.layers[1].inputs, std::vector<std::size_t>{0});
  const double first_step = 800.0 / 255;
  const double second_step = 300.0 / 255;
  // The second layer halves the first one's noise, and brings in its own.
  EXPECT_NEAR(report.layers[0].at_outputs[0].mse(), first_step * first_step / 12 / 4,
              0.02 * first_step * first_step / 12 / 4);
  EXPECT_NEAR(report.layers[1].at_outputs[0].mse(), second_step * second_step / 12,
              0.05 * second_step * second_step / 12);
  EXPECT_EQ(advise(report)[0].layer, 0U);
}

TEST(LayerNoise, FullAnalysisOfOneLayerIsItsOnLayerNoise) {
  const Graph graph = pointwise({1.0F, 0.3F});
  const NoiseReport report = analyze_full(subject(graph, graph, {0, 800}));
  EXPECT_NEAR(report.layers[0].at_outputs[0].snr().db, report.layers[0].error.snr().db, 0.01);
}

// x → four channels of weights `first` → their sum with weights `second`.
Graph two_layers(const std::vector<float>& first, const std::vector<float>& second) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.constant({4, 1, 1, 1}, first)});
  const ValueId z = builder.node(OpKind::kConv, {y, builder.constant({1, 4, 1, 1}, second)});
  return builder.build({z});
}

// Integers of a network that was equalized, and the original with their scales: all four channels
// between its layers are the pixel.
NoiseSubject equalized_subject() {
  const Graph original = two_layers({0.1F, 0.2F, 0.4F, 1.0F}, {1.0F, 1.0F, 1.0F, 1.0F});
  const Graph equalized = two_layers({1.0F, 1.0F, 1.0F, 1.0F}, {0.1F, 0.2F, 0.4F, 1.0F});
  std::vector<Range> ranges(equalized.values.size(), {0, 800});
  ranges[static_cast<std::size_t>(equalized.inputs[0])] = {0, 255};
  auto model = lower(equalized, gray(), ranges);
  EXPECT_TRUE(model) << model.error().text();
  ScaledNetwork matched = with_channel_scales(original, model->integer);
  return {std::make_shared<const Graph>(std::move(model->integer)),
          std::make_shared<const Graph>(std::move(model->host)),
          std::make_shared<const Graph>(std::move(matched.network)), gray(),
          std::move(matched.scaled)};
}

TEST(LayerNoise, ScaledChannelsAreComparedInTheScaleOfTheIntegers) {
  const NoiseReport report = analyze(equalized_subject());
  const LayerNoise& layer = report.layers[0];
  EXPECT_TRUE(layer.channel_scaled);
  EXPECT_FALSE(report.layers[1].channel_scaled);
  const double step = 800.0 / 255;
  EXPECT_NEAR(layer.error.snr().db, 10 * std::log10(kMeanSquare * 12 / (step * step)), 0.1);
  EXPECT_NEAR(layer.seen_max, 255, 0.5);
  EXPECT_NEAR(layer.channel_spread, 1, 0.01);
}

TEST(LayerNoise, FullAnalysisKnowsScaledChannels) {
  const NoiseReport report = analyze_full(equalized_subject());
  // All four channels are the pixel in the scale of the integers, so they are off by the same: by a
  // pixel's rounding times 0.1 + 0.2 + 0.4 + 1.
  const double step = 800.0 / 255;
  EXPECT_NEAR(report.layers[0].at_outputs[0].mse(), 1.7 * 1.7 * step * step / 12,
              0.02 * 1.7 * 1.7 * step * step / 12);
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

// Whether what the integers of `layer` stand for is the float value, but for rounding.
void expect_on_the_diagonal(const LayerNoise& layer) {
  EXPECT_FALSE(layer.pairs.empty());
  const double step = layer.params.scale[0];
  for (const ValuePair& pair : layer.pairs)
    EXPECT_NEAR(pair.native, (pair.quantized - layer.params.zero_point[0]) * step, 0.501 * step);
}

TEST(LayerNoise, HistogramAndPairsAreThoseOfTheLayer) {
  const LayerNoise layer = analyze({1.0F, 1.0F}, {0, 255}).layers[0];
  // Steps of one: four grey levels a bin, each of them 16 times in both channels.
  EXPECT_EQ(layer.histogram.from, -0.5);
  EXPECT_EQ(layer.histogram.width, 4);
  EXPECT_EQ(layer.histogram.native, std::vector<std::int64_t>(64, 4 * 16 * 2));
  EXPECT_EQ(layer.histogram.quantized, layer.histogram.native);
  expect_on_the_diagonal(layer);
}

TEST(LayerNoise, HistogramGoesBeyondTheIntegersRange) {
  const LayerNoise layer = analyze({1.0F}, {0, 127.5F}).layers[0];
  const ValueHistogram& histogram = layer.histogram;
  ASSERT_EQ(histogram.native.size(), 128U);
  EXPECT_EQ(total(histogram.native), kSide * kSide);
  EXPECT_EQ(total(histogram.quantized), kSide * kSide);
  // The integers' last bin has 126 and 127, and 128 … 255, which are cut off to it.
  EXPECT_EQ(histogram.quantized[63], (2 + 128) * 16);
  EXPECT_EQ(std::count(histogram.quantized.begin() + 64, histogram.quantized.end(), 0), 64);
  EXPECT_EQ(histogram.native[127], 2 * 16);
}

TEST(LayerNoise, PicturesOfEqualizedChannelsAreInTheScaleOfTheIntegers) {
  const LayerNoise layer = analyze(equalized_subject()).layers[0];
  expect_on_the_diagonal(layer);
  EXPECT_EQ(layer.histogram.native, layer.histogram.quantized);
}

TEST(LayerNoise, LayersThatMoveValuesHaveNoPictureOfTheirOwn) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, kSide, kSide});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.constant({2, 1, 1, 1}, {1.0F, 0.5F})});
  const ValueId z = builder.node(OpKind::kReshape, {y, builder.integers({1, 2 * kSide * kSide})});
  const Graph graph = builder.build({z});
  const NoiseReport report = analyze(subject(graph, graph, {0, 255}));
  ASSERT_EQ(report.layers.size(), 2U);
  EXPECT_FALSE(report.layers[0].pairs.empty());
  EXPECT_TRUE(report.layers[1].histogram.native.empty());
  EXPECT_TRUE(report.layers[1].pairs.empty());
}

TEST(LayerNoise, NothingInCommonIsAnError) {
  const Graph graph = pointwise({1.0F});
  NoiseSubject both = subject(graph, graph, {0, 255});
  Graph other = graph;
  other.value(other.outputs[0]).name = "z";
  both.float_network = std::make_shared<const Graph>(std::move(other));
  const auto analysis = LayerNoiseAnalysis::create(std::move(both), 1);
  ASSERT_FALSE(analysis);
  EXPECT_EQ(analysis.error().code, ErrorCode::kInvalidArgument);
}

TEST(LayerNoise, RemarksNameAPoorCalibrationAndAPoorOutput) {
  const NoiseReport report = analyze({1.0F}, {0, 255.0F * 200});
  CalibrationStatistics calibration;
  calibration.images = 1;
  calibration.single_color = 1;
  EXPECT_EQ(general_remarks(report, calibration).size(), 3U);
  EXPECT_TRUE(general_remarks(analyze({1.0F}, {0, 255}), {}).empty());
}

}  // namespace
}  // namespace quant
