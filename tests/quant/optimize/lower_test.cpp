// SPDX-License-Identifier: MIT
// Each integer layer against its float operator, fed with the emulator's own dequantized inputs: an
// independent way to the same real values, so layouts, parameters and broadcasts cannot be wrong on
// both sides.
#include "quant/optimize/lower.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph_builder.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::float_pixels;
using testing::GraphBuilder;
using testing::input_spec;
using testing::padded;
using testing::random_frame;
using testing::RandomFrames;

// Lowest SNR in dB over the outputs, emulator against float, on a frame that calibration did not
// see.
double quantized_snr(Graph native, const InputSpec& spec, Isa isa = Isa::kRef, int threads = 1) {
  auto optimized = optimize_float(std::move(native), spec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  const auto graph = std::make_shared<const Graph>(std::move(*optimized));
  RandomFrames frames(spec, 4);
  auto calibration = calibrate(graph, frames, {}, {});
  EXPECT_TRUE(calibration) << calibration.error().text();
  auto model = lower(*graph, spec, calibration->proposals[0]);
  EXPECT_TRUE(model) << model.error().text();
  if (!model) return -1;
  const auto integer = std::make_shared<const Graph>(std::move(model->integer));
  auto plan = IntegerPlan::create(integer, {isa, {}});
  EXPECT_TRUE(plan) << plan.error().text();
  if (!plan) return -1;
  IntegerExecutor executor(*plan, threads);
  const Tensor frame = random_frame(spec, 1000);
  std::vector<Tensor> raw = executor.make_outputs();
  EXPECT_TRUE(executor.run(frame, raw));

  std::vector<ValueId> taps;
  for (const ValueId id : integer->outputs)
    taps.push_back(*graph->find_value(integer->value(id).name));
  auto native_executor = FloatExecutor::create(graph);
  EXPECT_TRUE(native_executor) << native_executor.error().text();
  const Tensor pixels = float_pixels(frame);
  std::vector<Tensor> reference;
  EXPECT_TRUE(native_executor->run_with_taps(std::span(&pixels, 1), taps, reference));
  double lowest = 1000;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const QuantParams& params = *integer->value(integer->outputs[i]).quant;
    EXPECT_EQ(raw[i].shape(), reference[i].shape());
    double signal = 0;
    double noise = 0;
    for (std::size_t e = 0; e < raw[i].data<std::uint8_t>().size(); ++e) {
      const double real =
          (raw[i].data<std::uint8_t>()[e] - static_cast<double>(params.zero_point[0])) *
          params.scale[0];
      const double wanted = reference[i].data<float>()[e];
      signal += wanted * wanted;
      noise += (real - wanted) * (real - wanted);
    }
    lowest = std::min(lowest, 10 * std::log10(signal / noise));
  }
  return lowest;
}

// 8 bits of a well-filled range give some 45 dB; several layers in a row some 35.
constexpr double kOneLayer = 38;
constexpr double kSeveralLayers = 30;

TEST(Lower, ConvolutionWithPerChannelNormalizationInsideTheFrame) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 9, 11});
  const ValueId conv = builder.node(
      OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 1), builder.random({8}, 1)}, padded(1));
  EXPECT_GT(
      quantized_snr(builder.build({builder.node(OpKind::kRelu, {conv})}),
                    input_spec(11, 9, 3, {123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F})),
      kOneLayer);
}

TEST(Lower, FractionalMeanOfAGrayFrame) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, 9, 11});
  EXPECT_GT(quantized_snr(builder.build({builder.node(
                              OpKind::kConv, {x, builder.random({4, 1, 3, 3}, 1)}, padded(1))}),
                          input_spec(11, 9, 1, {127.5F}, {128})),
            kOneLayer);
}

TEST(Lower, NormalizationBecomesALayerWhereNoConvolutionTakesIt) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  EXPECT_GT(
      quantized_snr(
          builder.build({builder.node(OpKind::kMaxPool, {x},
                                      attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}},
                                                  {"strides", std::vector<std::int64_t>{2, 2}}}))}),
          input_spec(8, 8, 3, {120.5F, 110.0F, 100.0F}, {60.0F, 50.0F, 40.0F})),
      kOneLayer);
}

TEST(Lower, ChannelShuffleMovesNothingWrongly) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 6});
  const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({8, 3, 1, 1}, 1)});
  const ValueId split = builder.node(OpKind::kReshape, {conv, builder.integers({1, 2, 4, 8, 6})});
  const ValueId swapped =
      builder.node(OpKind::kTranspose, {split},
                   attributes({{"perm", std::vector<std::int64_t>{0, 2, 1, 3, 4}}}));
  const ValueId merged = builder.node(OpKind::kReshape, {swapped, builder.integers({1, 8, 8, 6})});
  const ValueId last =
      builder.node(OpKind::kConv, {merged, builder.random({6, 8, 3, 3}, 1)}, padded(1));
  EXPECT_GT(quantized_snr(builder.build({last, merged}),
                          input_spec(6, 8, 3, {127, 127, 127}, {128, 128, 128})),
            kSeveralLayers);
}

TEST(Lower, DetectorHeadsReshapeAndConcatenate) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  std::vector<ValueId> heads;
  ValueId features =
      builder.node(OpKind::kRelu,
                   {builder.node(OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 1)}, padded(1))});
  for (int level = 0; level < 2; ++level) {
    const ValueId head = builder.node(OpKind::kConv, {features, builder.random({6, 8, 1, 1}, 1)});
    const ValueId moved = builder.node(
        OpKind::kTranspose, {head}, attributes({{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}));
    heads.push_back(builder.node(OpKind::kReshape, {moved, builder.integers({1, -1, 2})}));
    features = builder.node(OpKind::kMaxPool, {features},
                            attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}},
                                        {"strides", std::vector<std::int64_t>{2, 2}}}));
  }
  const ValueId all = builder.node(OpKind::kConcat, heads, attributes({{"axis", std::int64_t{1}}}));
  const ValueId scores =
      builder.node(OpKind::kSoftmax, {all}, attributes({{"axis", std::int64_t{2}}}));
  EXPECT_GT(quantized_snr(builder.build({scores, all}),
                          input_spec(8, 8, 3, {127, 127, 127}, {128, 128, 128})),
            kSeveralLayers);
}

TEST(Lower, SqueezeAndExcitation) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId features =
      builder.node(OpKind::kSilu,
                   {builder.node(OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 1)}, padded(1))});
  const ValueId pooled = builder.node(OpKind::kGlobalAveragePool, {features});
  const ValueId gate =
      builder.node(OpKind::kHardSigmoid,
                   {builder.node(OpKind::kConv, {pooled, builder.random({8, 8, 1, 1}, 1)})});
  EXPECT_GT(quantized_snr(builder.build({builder.node(OpKind::kMul, {features, gate})}),
                          input_spec(8, 8, 3, {127, 127, 127}, {128, 128, 128})),
            kSeveralLayers);
}

TEST(Lower, ResizeDeconvolutionAndDifference) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 6});
  const ValueId features = builder.node(
      OpKind::kConv, {x, builder.random({4, 3, 3, 3}, 1), builder.random({4}, 1)}, padded(1));
  const ValueId wide =
      builder.node(OpKind::kResize, {features, kNoValue, builder.constant({4}, {1, 1, 2, 2})},
                   attributes({{"mode", std::string("linear")}}));
  const ValueId learned =
      builder.node(OpKind::kConvTranspose, {features, builder.random({4, 4, 2, 2}, 1)},
                   attributes({{"strides", std::vector<std::int64_t>{2, 2}}}));
  EXPECT_GT(quantized_snr(builder.build({builder.node(OpKind::kSub, {wide, learned})}),
                          input_spec(6, 6, 3, {127, 127, 127}, {128, 128, 128})),
            kSeveralLayers);
}

TEST(Lower, ClassifierWithFlattenAndGemm) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId features =
      builder.node(OpKind::kConv, {x, builder.random({5, 3, 3, 3}, 1)}, padded(1));
  const ValueId flat = builder.node(OpKind::kFlatten, {features});
  const ValueId logits = builder.node(
      OpKind::kAdd, {builder.node(OpKind::kMatMul, {flat, builder.random({80, 10}, 1)}),
                     builder.random({10}, 1)});
  EXPECT_GT(
      quantized_snr(builder.build({logits}), input_spec(4, 4, 3, {127, 127, 127}, {128, 128, 128})),
      kSeveralLayers);
}

TEST(Lower, AttentionMultipliesActivations) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId features = builder.node(OpKind::kConv, {x, builder.random({8, 3, 1, 1}, 1)});
  const ValueId tokens = builder.node(OpKind::kReshape, {features, builder.integers({1, 8, 16})});
  const ValueId rows = builder.node(OpKind::kTranspose, {tokens},
                                    attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  const ValueId weights =
      builder.node(OpKind::kSoftmax, {builder.node(OpKind::kMatMul, {rows, tokens})});
  EXPECT_GT(quantized_snr(builder.build({builder.node(OpKind::kMatMul, {weights, rows})}),
                          input_spec(4, 4, 3, {127, 127, 127}, {128, 128, 128})),
            25.0);
}

TEST(Lower, SlicesPadsSplitsGathersAndBlocks) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId features = builder.node(OpKind::kConv, {x, builder.random({8, 3, 1, 1}, 1)});
  const ValueId deep =
      builder.node(OpKind::kSpaceToDepth, {features}, attributes({{"blocksize", std::int64_t{2}}}));
  const ValueId wide =
      builder.node(OpKind::kDepthToSpace, {deep},
                   attributes({{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}}));
  const ValueId odd =
      builder.node(OpKind::kSlice, {wide, builder.integers({7, 1}), builder.integers({-100, 8}),
                                    builder.integers({2, 3}), builder.integers({-2, 2})});
  const ValueId edged =
      builder.node(OpKind::kPad, {odd, builder.integers({0, 0, 1, 2, 0, 0, 0, 1})});
  const auto halves =
      builder.nodes(OpKind::kSplit, {edged}, 2,
                    attributes({{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}}));
  const ValueId picked = builder.node(OpKind::kGather, {halves[1], builder.integers({3, 0, -2})},
                                      attributes({{"axis", std::int64_t{1}}}));
  EXPECT_GT(quantized_snr(builder.build({picked, halves[0]}),
                          input_spec(8, 8, 3, {127, 127, 127}, {128, 128, 128})),
            kOneLayer);
}

TEST(Lower, NormsAndReductions) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, 8, 8});
  const ValueId normed =
      builder.node(OpKind::kInstanceNormalization,
                   {x, builder.constant({1}, {1.5F}), builder.constant({1}, {0.25F})});
  const ValueId features =
      builder.node(OpKind::kConv, {normed, builder.random({6, 1, 3, 3}, 1)}, padded(1));
  const ValueId mean = builder.node(OpKind::kReduceMean, {features, builder.integers({1})},
                                    attributes({{"keepdims", std::int64_t{0}}}));
  EXPECT_GT(quantized_snr(builder.build({features, mean}), input_spec(8, 8, 1, {0}, {255})),
            kSeveralLayers);
}

TEST(Lower, TheHostPartTakesOverBehindTheLine) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({2, 3, 1, 1}, 1)});
  const ValueId flat = builder.node(OpKind::kReshape, {conv, builder.integers({1, 32})});
  const ValueId decoded =
      builder.node(OpKind::kAdd, {builder.node(OpKind::kExp, {flat}), builder.random({4, 32}, 1)});
  const InputSpec spec = input_spec(4, 4, 3, {127, 127, 127}, {128, 128, 128});
  auto graph = optimize_float(builder.build({decoded}), spec);
  ASSERT_TRUE(graph);
  std::vector<Range> ranges(graph->values.size(), Range{-1, 1});
  const auto model = lower(*graph, spec, ranges);
  ASSERT_TRUE(model) << model.error().text();
  ASSERT_EQ(model->host.inputs.size(), 1U);
  EXPECT_EQ(model->host.value(model->host.inputs[0]).name,
            model->integer.value(model->integer.outputs[0]).name);
  EXPECT_EQ(model->host.value(model->host.outputs[0]).name, graph->value(graph->outputs[0]).name);
}

TEST(Lower, NanInWeightsIsAnErrorThatNamesTheLayer) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId conv =
      builder.node(OpKind::kConv, {x, builder.constant({1, 3, 1, 1}, {1, std::nanf(""), 1})});
  const InputSpec spec = input_spec(4, 4, 3, {127, 127, 127}, {128, 128, 128});
  auto graph = optimize_float(builder.build({conv}), spec);
  ASSERT_TRUE(graph);
  const auto model = lower(*graph, spec, std::vector<Range>(graph->values.size(), Range{-1, 1}));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().context, "conv1");
}

}  // namespace
}  // namespace quant
