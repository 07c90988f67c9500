// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_search.h"

#include <gmock/gmock.h>

#include <cmath>

#include "quant/graph_builder.h"
#include "quant/optimize/headroom.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using ::testing::DoubleEq;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::input_spec;
using testing::padded;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

// conv → ReLU → conv → ReLU → conv, and a second output behind the first ReLU.
std::shared_ptr<const Graph> network() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 10, 12});
  const auto block = [&](ValueId in, std::int64_t channels) {
    return builder.node(
        OpKind::kRelu,
        {builder.node(OpKind::kConv, {in, builder.random({6, channels, 3, 3}, 0.5F)}, padded(1))});
  };
  const ValueId first = block(x, 3);
  const ValueId last =
      builder.node(OpKind::kConv, {block(first, 6), builder.random({6, 6, 3, 3}, 0.5F)}, padded(1));
  const ValueId side = builder.node(OpKind::kConv, {first, builder.random({2, 6, 1, 1}, 0.5F)});
  auto optimized = optimize_float(builder.build({last, side}), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  return std::make_shared<const Graph>(std::move(*optimized));
}

struct Search {
  std::shared_ptr<const Graph> graph = network();
  std::vector<Range> ranges;
  RandomFrames frames{kSpec, 4};

  Search() {
    auto calibration = calibrate(graph, frames, {}, {});
    EXPECT_TRUE(calibration);
    ranges = calibration->proposals[0];
  }
  Result<PrecisionSearchResult> run(std::vector<double> wanted_db) {
    PrecisionSearchOptions options;
    options.wanted_db = std::move(wanted_db);
    return search_precision(graph, kSpec, ranges, {}, frames, options, {});
  }
  // Measured anew, by a judge of the test's own making.
  std::vector<double> snr_db(const QuantizationPlan& plan) {
    auto model = lower(*graph, kSpec, ranges_with_headroom(*graph, plan, {}, ranges), plan);
    EXPECT_TRUE(model) << model.error().text();
    auto judge = OutputNoise::create(graph, frames, 8, 1);
    EXPECT_TRUE(judge);
    const auto ratios = judge->ratios(*model);
    EXPECT_TRUE(ratios) << ratios.error().text();
    std::vector<double> result;
    for (const auto& ratio : *ratios) result.push_back(-10 * std::log10(*ratio));
    return result;
  }
};

TEST(PrecisionSearch, ReachesWhatIsWantedForLessThanEverything) {
  Search search;
  const double eight = search.snr_db({})[0];
  const double wanted = eight + 4;
  const auto found = search.run({wanted});
  ASSERT_TRUE(found) << found.error().text();
  const std::vector<double> reached = search.snr_db(found->plan);
  EXPECT_GE(reached[0], wanted);
  EXPECT_GE(reached[1], wanted);
  EXPECT_THAT(*found->reached.snr_db[0], DoubleEq(reached[0]));
  EXPECT_LT(found->reached.bit_operations, 0.8 * found->curve.back().bit_operations);
  EXPECT_LT(found->curve.front().bit_operations, found->curve.back().bit_operations);
}

// Each output has its own wish: the one that asks for nothing costs nothing.
TEST(PrecisionSearch, OutputsCountOneByOne) {
  Search search;
  const std::vector<double> eight = search.snr_db({});
  const auto one = search.run({eight[0] - 1, eight[1] + 8});
  const auto both = search.run({eight[0] + 8, eight[1] + 8});
  ASSERT_TRUE(one) << one.error().text();
  ASSERT_TRUE(both) << both.error().text();
  EXPECT_GE(search.snr_db(one->plan)[1], eight[1] + 8);
  EXPECT_LT(one->reached.bit_operations, both->reached.bit_operations);
}

TEST(PrecisionSearch, WhatEightBitsReachCostsNothing) {
  Search search;
  const auto found = search.run({search.snr_db({})[0] / 2});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->reached.bit_operations, DoubleEq(found->curve.front().bit_operations));
}

TEST(PrecisionSearch, SaysWhatSixteenBitsReach) {
  Search search;
  const auto found = search.run({139});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(found.error().message, HasSubstr("139.0 dB are wanted and all layers in 16 bits"));
}

TEST(PrecisionSearch, AsManyWishesAsOutputs) {
  Search search;
  const auto found = search.run({30, 30, 30});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
}

// Of 16-bit values that nobody gave a range.
TEST(Headroom, WidensWhatHasSixteenBits) {
  const Search search;
  const Graph& graph = *search.graph;
  QuantizationPlan plan;
  plan.layers.resize(graph.nodes.size());
  plan.layers[0].precision = {8, 8, 16};
  plan.layers[1].precision = {16, 16, 16};
  const std::vector<Range> ranges(graph.values.size(), Range{-1, 2});
  const ValueId first = graph.nodes[0].outputs[0];
  const ValueId second = graph.nodes[1].outputs[0];
  const auto widened = ranges_with_headroom(graph, plan, {second}, ranges);
  for (std::size_t id = 0; id < ranges.size(); ++id)
    EXPECT_EQ(widened[id], static_cast<ValueId>(id) == first ? (Range{-2, 4}) : ranges[id]);
}

}  // namespace
}  // namespace quant
