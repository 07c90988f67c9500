// SPDX-License-Identifier: MIT
// A small network with every kind of step that the differentiable twin has, for tests of
// fine-tuning.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "quant/graph_builder.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant::testing {

// Means with fractions: the first layer takes the frame's scales into its weights.
inline const InputSpec kTuningSpec =
    input_spec(16, 12, 3, {103.5F, 116.3F, 123.7F}, {57.4F, 57.1F, 58.4F});

// Two outputs: a feature map, and logits behind a mean and a product.
inline std::shared_ptr<const Graph> tuning_network(const InputSpec& spec) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 3, 12, 16});
  const auto conv = [&](ValueId from, std::int64_t in, std::int64_t out, std::int64_t size,
                        std::int64_t group = 1) {
    return b.node(OpKind::kConv,
                  {from, b.random({out, in / group, size, size}, 0.4F), b.random({out}, 0.5F)},
                  attributes({{"pads", std::vector<std::int64_t>(4, size / 2)}, {"group", group}}));
  };
  const ValueId stem = b.node(OpKind::kRelu, {conv(x, 3, 8, 3)});
  ValueId branch = conv(stem, 8, 8, 1);
  branch = b.node(OpKind::kMul, {branch, b.node(OpKind::kSigmoid, {branch})});
  const ValueId sum = b.node(OpKind::kAdd, {stem, conv(branch, 8, 8, 3, 8)});
  const ValueId pooled = b.node(OpKind::kMaxPool, {sum},
                                attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}},
                                            {"strides", std::vector<std::int64_t>{2, 2}}}));
  const ValueId joined =
      b.node(OpKind::kConcat, {pooled, b.node(OpKind::kRelu, {conv(pooled, 8, 4, 3)})},
             attributes({{"axis", std::int64_t{1}}}));
  const ValueId map = conv(joined, 12, 6, 1);
  const ValueId mean = b.node(OpKind::kGlobalAveragePool, {joined});
  const ValueId flat = b.node(OpKind::kFlatten, {mean});
  const ValueId logits =
      b.node(OpKind::kGemm, {flat, b.random({12, 5}, 0.5F), b.random({5}, 0.5F)});
  auto graph = optimize_float(b.build({map, logits}), spec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::make_shared<const Graph>(std::move(*graph));
}

struct TuningStart {
  std::shared_ptr<const Graph> graph;
  std::vector<Range> ranges;
  QuantizationPlan plan;
  QuantizedModel model;
};

// `encode_outputs`: both outputs have a scale per channel. `layers`: the plan of every layer.
inline TuningStart tuning_start(const InputSpec& spec = kTuningSpec, bool encode_outputs = false,
                                const LayerPlan& layers = {}) {
  TuningStart start;
  start.graph = tuning_network(spec);
  start.plan.layers.assign(start.graph->nodes.size(), layers);
  RandomFrames frames(spec, 8);
  CalibrationOptions options;
  if (encode_outputs) {
    auto encodings = find_output_encodings(*start.graph);
    EXPECT_TRUE(encodings) << encodings.error().text();
    start.plan.encodings = std::move(encodings->found);
    for (const OutputEncoding& encoding : start.plan.encodings)
      options.channel_axes[encoding.output] = encoding.axis;
  }
  auto calibration = calibrate(start.graph, frames, options, {});
  EXPECT_TRUE(calibration) << calibration.error().text();
  start.ranges = calibration->proposals[0];
  for (OutputEncoding& encoding : start.plan.encodings)
    encoding.ranges = calibration->channels.at(encoding.output);
  auto model = lower(*start.graph, spec, start.ranges, start.plan);
  EXPECT_TRUE(model) << model.error().text();
  start.model = std::move(*model);
  return start;
}

}  // namespace quant::testing
