// SPDX-License-Identifier: MIT
// Against an executor of the whole graph: a tensor that is kept too long would show here.
#include "quant/optimize/variant_runs.h"

#include <gmock/gmock.h>

#include <new>
#include <random>

#include "quant/engine/integer_executor.h"
#include "quant/graph_builder.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/random_frames.h"
#include "quant/optimize/shared_part.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using testing::input_spec;
using testing::padded;
using testing::RandomFrames;

constexpr int kFrames = 7;
const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

// Branches, a skip over several layers, a layer with two outputs, vectors behind maps; an output in
// the middle.
struct Network {
  std::shared_ptr<const Graph> graph;
  std::vector<Range> ranges;
};

Network network() {
  GraphBuilder b;
  ValueId x = b.input("x", {1, 3, 10, 12});
  const ValueId stem =
      b.node(OpKind::kSilu, {b.node(OpKind::kConv, {x, b.random({8, 3, 3, 3}, 0.5F)}, padded(1))});
  const std::vector<ValueId> halves =
      b.nodes(OpKind::kSplit, {stem}, 2, attributes({{"axis", std::int64_t{1}}}));
  const ValueId left = b.node(OpKind::kConv, {halves[0], b.random({6, 4, 3, 3}, 0.5F)}, padded(1));
  const ValueId deeper =
      b.node(OpKind::kRelu, {b.node(OpKind::kConv, {left, b.random({4, 6, 1, 1}, 0.5F)})});
  const ValueId sum = b.node(OpKind::kAdd, {deeper, halves[1]});
  const ValueId joined =
      b.node(OpKind::kConcat, {sum, stem}, attributes({{"axis", std::int64_t{1}}}));
  const ValueId pooled = b.node(OpKind::kGlobalAveragePool, {joined});
  const ValueId flat = b.node(OpKind::kReshape, {pooled, b.integers({1, 12})});
  const ValueId vector = b.node(OpKind::kMatMul, {flat, b.random({12, 5}, 0.5F)});
  auto graph = optimize_float(b.build({left, joined, vector}), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  Network result{std::make_shared<const Graph>(std::move(*graph)), {}};
  RandomFrames frames(kSpec, kFrames);
  auto calibration = calibrate(result.graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  result.ranges = calibration->proposals[0];
  return result;
}

std::vector<std::vector<Tensor>> frames() {
  RandomFrames set(kSpec, kFrames);
  std::vector<std::vector<Tensor>> result;
  for (int i = 0; i < kFrames; ++i) result.push_back(std::move(**set.next()));
  return result;
}

// A frame's outputs as bytes.
using Bytes = std::vector<std::vector<std::uint8_t>>;

Bytes bytes_of(std::span<const Tensor> tensors) {
  Bytes result;
  for (const Tensor& tensor : tensors) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(tensor.raw());
    result.emplace_back(first, first + tensor.bytes());
  }
  return result;
}

Bytes whole(const QuantizedModel& model, const std::vector<Tensor>& frame) {
  auto plan = IntegerPlan::create(std::make_shared<const Graph>(model.integer), {Isa::kRef, {}});
  EXPECT_TRUE(plan) << plan.error().text();
  IntegerExecutor executor(*plan, 1);
  std::vector<Tensor> outputs = executor.make_outputs();
  EXPECT_TRUE(executor.run(integer_inputs(model.integer, model.input, frame), outputs));
  return bytes_of(outputs);
}

std::vector<Bytes> run(VariantRuns& runs, const QuantizedModel& model, std::size_t stride = 1) {
  std::vector<Bytes> result(runs.frames());
  const auto status =
      runs.run(model.integer, model.input, stride,
               [&](std::size_t frame, std::size_t, std::span<const Tensor> outputs) {
                 result[frame] = bytes_of(outputs);
                 return Status();
               });
  EXPECT_TRUE(status) << status.error().text();
  return result;
}

class Variants {
 public:
  explicit Variants(const Network& network) : network_(network), ranges_(network.ranges) {
    plan_.layers.resize(network.graph->nodes.size());
  }

  // One range, one precision or one weight is another than before.
  QuantizedModel next() {
    const std::size_t kind = random_() % 4;
    if (kind < 2) {
      Range& range = ranges_[random_() % ranges_.size()];
      range.max *= kind == 0 ? 0.8F : 1.25F;
    } else if (kind == 2) {
      const int bits = random_() % 2 == 0 ? 8 : 16;
      plan_.layers[random_() % plan_.layers.size()].precision = {bits, bits, bits};
    }
    auto model = lower(*network_.graph, kSpec, ranges_, plan_);
    EXPECT_TRUE(model) << model.error().text();
    if (kind == 3) {
      for (const Node& node : model->integer.nodes) {
        if (node.op != OpKind::kConv || random_() % 3 != 0) continue;
        Value& bias = model->integer.value(node.inputs[2]);
        bias.constant = bias.constant->clone();
        if (bias.type == DataType::kInt32) bias.constant->data<std::int32_t>()[0] += 5;
      }
    }
    return std::move(*model);
  }

 private:
  const Network& network_;
  std::vector<Range> ranges_;
  QuantizationPlan plan_;
  std::mt19937 random_{1};
};

TEST(VariantRuns, EveryVariantIsAsIfRunWhole) {
  const Network net = network();
  const std::vector<std::vector<Tensor>> set = frames();
  for (const int threads : {1, 3}) {
    VariantRuns runs(set, threads);
    Variants variants(net);
    for (int i = 0; i < 60; ++i) {
      const QuantizedModel model = variants.next();
      const std::size_t stride = i % 10 == 9 ? 3 : 1;
      const std::vector<Bytes> found = run(runs, model, stride);
      for (std::size_t frame = 0; frame < set.size(); frame += stride)
        ASSERT_EQ(found[frame], whole(model, set[frame])) << "variant " << i << " frame " << frame;
      ASSERT_EQ(run(runs, model, stride), found) << "the same again, variant " << i;
    }
  }
}

TEST(VariantRuns, FramesAreSettledInTheirOrder) {
  const Network net = network();
  auto model = lower(*net.graph, kSpec, net.ranges);
  ASSERT_TRUE(model);
  VariantRuns runs(frames(), 3);
  std::vector<std::size_t> order;
  const auto visit = [](std::size_t, std::size_t lane, std::span<const Tensor>) {
    EXPECT_LT(lane, 3U);
    return Status();
  };
  ASSERT_TRUE(runs.run(model->integer, kSpec, 2, visit, [&](std::size_t frame, std::size_t) {
    order.push_back(frame);
    return Status();
  }));
  EXPECT_THAT(order, ElementsAre(0, 2, 4, 6));
}

TEST(VariantRuns, TheFirstFailureIsReportedAndNothingOfItIsKept) {
  const Network net = network();
  auto model = lower(*net.graph, kSpec, net.ranges);
  ASSERT_TRUE(model);
  VariantRuns runs(frames(), 3);
  int settled = 0;
  const auto status = runs.run(
      model->integer, kSpec, 1,
      [](std::size_t frame, std::size_t, std::span<const Tensor>) -> Status {
        if (frame < 2) return {};
        return fail(ErrorCode::kIo, "frame " + std::to_string(frame));
      },
      [&settled](std::size_t, std::size_t) {
        ++settled;
        return Status();
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "frame 2");
  EXPECT_EQ(settled, 2);
  EXPECT_EQ(run(runs, *model)[5], whole(*model, frames()[5]));
}

// Not in one of the threads, where nobody could catch it.
TEST(VariantRuns, NoMemoryIsThrownToTheCaller) {
  const Network net = network();
  auto model = lower(*net.graph, kSpec, net.ranges);
  ASSERT_TRUE(model);
  VariantRuns runs(frames(), 2);
  const auto visit = [](std::size_t frame, std::size_t, std::span<const Tensor>) -> Status {
    if (frame == 3) throw std::bad_alloc();
    return {};
  };
  EXPECT_THROW(static_cast<void>(runs.run(model->integer, kSpec, 1, visit)), std::bad_alloc);
  EXPECT_EQ(run(runs, *model)[3], whole(*model, frames()[3]));
}

TEST(SharedPart, EndsWhereGraphsDiffer) {
  const Network net = network();
  auto one = lower(*net.graph, kSpec, net.ranges);
  ASSERT_TRUE(one);
  const Graph& graph = one->integer;
  EXPECT_THAT(values_in_common(graph, graph), ::testing::Each(true));

  Graph other = graph;
  const auto changed = std::find_if(other.nodes.begin(), other.nodes.end(),
                                    [](const Node& node) { return node.op == OpKind::kAdd; });
  ASSERT_NE(changed, other.nodes.end());
  const ValueId sum = changed->outputs[0];
  other.value(sum).quant->scale[0] *= 2;
  const std::vector<bool> common = values_in_common(graph, other);
  EXPECT_TRUE(common[static_cast<std::size_t>(changed->inputs[0])]);
  EXPECT_TRUE(common[static_cast<std::size_t>(graph.outputs[0])]);
  EXPECT_FALSE(common[static_cast<std::size_t>(sum)]);
  EXPECT_FALSE(common[static_cast<std::size_t>(graph.outputs[1])]);
  EXPECT_FALSE(common[static_cast<std::size_t>(graph.outputs[2])]);
}

}  // namespace
}  // namespace quant
