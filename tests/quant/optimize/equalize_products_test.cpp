// SPDX-License-Identifier: MIT
#include "quant/optimize/equalize_products.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "quant/graph_builder.h"
#include "quant/optimize/network_figures.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;
using testing::input_spec;
using ::testing::IsEmpty;
using testing::largest_difference;
using testing::noise_db;
using testing::RandomFrames;
using testing::same_constants;

constexpr std::int64_t kTokens = 48;
constexpr std::int64_t kWidth = 8;
constexpr std::int64_t kHeads = 2;

const InputSpec kSpec = input_spec(8, 6, 3, {127, 127, 127}, {128, 128, 128});

// (rows, columns) with columns that differ a hundredfold; `inverse`: the other way round.
std::vector<float> unlike_columns(std::int64_t rows, std::int64_t columns, bool inverse) {
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto channel = static_cast<float>(i % static_cast<std::size_t>(columns) % 4);
    values[i] = std::pow(10.0F, (inverse ? channel : -channel) * 0.7F) *
                std::sin(static_cast<float>(i) * 1.9F + (inverse ? 2.0F : 0.5F));
  }
  return values;
}

struct Tokens {
  GraphBuilder builder;
  ValueId tokens = kNoValue;  // (1, 48, 3)

  Tokens() {
    const ValueId x = builder.input("x", {1, 3, 6, 8});
    tokens = transposed(reshaped(x, {1, 3, kTokens}), {0, 2, 1});
  }
  ValueId reshaped(ValueId x, const std::vector<std::int64_t>& shape) {
    return builder.node(OpKind::kReshape, {x, builder.integers(shape)});
  }
  ValueId transposed(ValueId x, std::vector<std::int64_t> perm) {
    return builder.node(OpKind::kTranspose, {x}, attributes({{"perm", std::move(perm)}}));
  }
  ValueId dense(const std::vector<float>& weights, const std::vector<float>& bias) {
    const ValueId product =
        builder.node(OpKind::kMatMul, {tokens, builder.constant({3, kWidth}, weights)});
    return builder.node(OpKind::kAdd, {product, builder.constant({kWidth}, bias)});
  }
  ValueId dense(bool inverse) {
    return dense(unlike_columns(3, kWidth, inverse), unlike_columns(1, kWidth, inverse));
  }
  ValueId heads(ValueId x) {
    return transposed(reshaped(x, {1, kTokens, kHeads, kWidth / kHeads}), {0, 2, 1, 3});
  }
  ValueId product(ValueId q, ValueId k) {
    return builder.node(OpKind::kMatMul, {q, transposed(k, {0, 1, 3, 2})});
  }
};

Graph optimized(Graph native) {
  auto graph = optimize_float(std::move(native), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::move(*graph);
}

// q and k by layers of their own, in two heads, q scaled by a number.
Graph attention() {
  Tokens t;
  const ValueId q =
      t.builder.node(OpKind::kMul, {t.heads(t.dense(false)), t.builder.constant({}, {0.5F})});
  return optimized(t.builder.build({t.product(q, t.heads(t.dense(true)))}));
}

// All channels of q and k are alike but channel 5 of q, which is `factor` times as large, and that
// of k, which is `counterpart` times.
Graph attention_with_one_large_channel(float factor, float counterpart) {
  constexpr std::size_t kLarge = 5;
  Tokens t;
  const auto weights = [](float phase) {
    std::vector<float> values(3 * kWidth);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::sin(static_cast<float>(i) * 1.9F + phase);
    return values;
  };
  std::vector<float> q = weights(0.5F);
  std::vector<float> k = weights(2);
  for (std::size_t row = 0; row < 3; ++row) {
    q[row * kWidth + kLarge] *= factor;
    k[row * kWidth + kLarge] *= counterpart;
  }
  const std::vector<float> no_bias(kWidth, 0.0F);
  return optimized(
      t.builder.build({t.product(t.heads(t.dense(q, no_bias)), t.heads(t.dense(k, no_bias)))}));
}

// One layer for q, k and v, taken apart by Gather.
Graph fused_attention(float v) {
  Tokens t;
  std::vector<float> weights;
  const auto q = unlike_columns(3, kWidth, false);
  const auto k = unlike_columns(3, kWidth, true);
  for (std::size_t row = 0; row < 3; ++row) {
    for (const auto* part : {&q, &k}) {
      const auto begin = part->begin() + static_cast<std::ptrdiff_t>(row * kWidth);
      weights.insert(weights.end(), begin, begin + kWidth);
    }
    for (int i = 0; i < kWidth; ++i) weights.push_back(v * std::cos(static_cast<float>(i)));
  }
  const ValueId all = t.transposed(
      t.reshaped(
          t.builder.node(OpKind::kMatMul, {t.tokens, t.builder.constant({3, 3 * kWidth}, weights)}),
          {1, kTokens, 3, kHeads, kWidth / kHeads}),
      {2, 0, 3, 1, 4});
  std::vector<ValueId> parts;
  for (const std::int64_t part : {0, 1, 2}) {
    // One index in a list keeps its axis of size 1.
    parts.push_back(t.reshaped(t.builder.node(OpKind::kGather, {all, t.builder.integers({part})},
                                              attributes({{"axis", std::int64_t{0}}})),
                               {1, kHeads, kTokens, kWidth / kHeads}));
  }
  const ValueId scores = t.product(parts[0], parts[1]);
  return optimized(t.builder.build({scores, t.builder.node(OpKind::kSigmoid, {parts[2]})}));
}

std::vector<std::size_t> all_nodes(const Graph& graph) {
  std::vector<std::size_t> nodes(graph.nodes.size());
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  return nodes;
}

std::vector<std::size_t> products_of(const Graph& graph) {
  auto products = equalizable_products(graph, all_nodes(graph), {});
  EXPECT_TRUE(products) << products.error().text();
  return std::move(*products);
}

Graph equalized(const Graph& graph, const std::vector<std::size_t>& products,
                const std::vector<ValueId>& untouched = {}) {
  RandomFrames frames(kSpec, 3);
  auto result = equalize_products(graph, frames, products, untouched, 1, {});
  EXPECT_TRUE(result) << result.error().text();
  EXPECT_TRUE(verify(*result));
  return std::move(*result);
}
Graph equalized(const Graph& graph) { return equalized(graph, all_nodes(graph)); }

TEST(EqualizeProducts, OneLargeChannelOfOneSide) {
  // Where that channel speaks in the product like the others, its scale is all that is wrong.
  const Graph quiet = attention_with_one_large_channel(100, 0.01F);
  // Where it decides the product alone, 4 dB of the two roundings are to be had in its head (with s
  // its scale, 3·(100/s)² + 3·s² + 2·100² is left of 4·100² + 100²), and the output's stays.
  const Graph loud = attention_with_one_large_channel(100, 1);
  const double gains[] = {20, 0.8};
  const Graph* graphs[] = {&quiet, &loud};
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(products_of(*graphs[i]).size(), 1U);
    const Graph after = equalized(*graphs[i]);
    EXPECT_LT(largest_difference(*graphs[i], after, kSpec), 1e-5);
    EXPECT_LT(noise_db(after, kSpec)[0], noise_db(*graphs[i], kSpec)[0] - gains[i]) << i;
  }
}

TEST(EqualizeProducts, NoProductOfActivationsNothingChanged) {
  Tokens t;
  const Graph before = optimized(t.builder.build({t.heads(t.dense(false))}));
  EXPECT_THAT(products_of(before), IsEmpty());
  // Not even a frame is looked at.
  RandomFrames none(kSpec, 0);
  auto after = equalize_products(before, none, all_nodes(before), {}, 1, {});
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_TRUE(same_constants(before, *after));
}

TEST(EqualizeProducts, NoFramesAreAnError) {
  RandomFrames none(kSpec, 0);
  const Graph graph = attention();
  EXPECT_FALSE(equalize_products(graph, none, all_nodes(graph), {}, 1, {}));
}

TEST(EqualizeProducts, IsTheSameFunctionWithLessNoise) {
  const Graph before = attention();
  const Graph after = equalized(before);
  EXPECT_LT(largest_difference(before, after, kSpec), 1e-5);
  EXPECT_LT(noise_db(after, kSpec)[0], noise_db(before, kSpec)[0] - 6);
}

TEST(EqualizeProducts, OneLayerMayMakeBothSides) {
  const Graph before = fused_attention(0.1F);
  const Graph after = equalized(before);
  EXPECT_LT(largest_difference(before, after, kSpec), 1e-5);
  const auto with = noise_db(after, kSpec);
  const auto without = noise_db(before, kSpec);
  EXPECT_LT(with[0], without[0] - 6);
  // v shares their range, which may not grow.
  EXPECT_LT(with[1], without[1] + 0.5);
}

// Where v alone decides the range, q and k gain by filling it, and v loses nothing.
TEST(EqualizeProducts, NeverWidensATensorThatOthersShare) {
  const Graph before = fused_attention(200);
  const Graph after = equalized(before);
  EXPECT_LT(largest_difference(before, after, kSpec), 1e-5);
  const auto with = noise_db(after, kSpec);
  const auto without = noise_db(before, kSpec);
  EXPECT_LE(with[0], without[0] + 0.1);
  EXPECT_LT(with[1], without[1] + 0.1);
}

TEST(EqualizeProducts, AConvolutionMayMakeASide) {
  Tokens t;
  const ValueId map = t.builder.node(
      OpKind::kConv, {0, t.builder.constant({kWidth, 3, 1, 1}, [] {
                        std::vector<float> weights(kWidth * 3);
                        for (std::size_t i = 0; i < weights.size(); ++i)
                          weights[i] = std::pow(10.0F, -0.7F * static_cast<float>(i / 3 % 4));
                        return weights;
                      }())});
  const ValueId k = t.reshaped(map, {1, kWidth, kTokens});
  const Graph before =
      optimized(t.builder.build({t.builder.node(OpKind::kMatMul, {t.dense(true), k})}));
  const Graph after = equalized(before);
  EXPECT_LT(largest_difference(before, after, kSpec), 1e-5);
  EXPECT_LT(noise_db(after, kSpec)[0], noise_db(before, kSpec)[0] - 6);
}

TEST(EqualizeProducts, OnlyWhatIsAskedFor) {
  const Graph before = attention();
  const auto products = products_of(before);
  ASSERT_EQ(products.size(), 1U);
  EXPECT_TRUE(same_constants(before, equalized(before, {})));
  EXPECT_FALSE(same_constants(before, equalized(before, products)));
  // Ranges that a script gives are in the units of the tensors as they are.
  EXPECT_TRUE(
      same_constants(before, equalized(before, products, {before.nodes[products[0]].inputs[0]})));
}

ValueId sigmoid(Tokens& tokens, ValueId made) {
  return tokens.builder.node(OpKind::kSigmoid, {made});
}
ValueId read_elsewhere(Tokens& tokens, ValueId made) {
  return tokens.builder.node(OpKind::kAdd, {made, sigmoid(tokens, made)});
}
ValueId softmax(Tokens& tokens, ValueId made) {
  return tokens.builder.node(OpKind::kSoftmax, {made}, attributes({{"axis", std::int64_t{2}}}));
}

struct Case {
  const char* name;
  ValueId (*between)(Tokens& tokens, ValueId made);  // of the layer and the product
};

class ProductLeftAlone : public ::testing::TestWithParam<Case> {};

TEST_P(ProductLeftAlone, BecauseAScaleWouldNotPass) {
  Tokens t;
  const ValueId q = GetParam().between(t, t.dense(false));
  const Graph before = optimized(t.builder.build({t.product(t.heads(q), t.heads(t.dense(true)))}));
  EXPECT_THAT(products_of(before), IsEmpty());
  EXPECT_TRUE(same_constants(before, equalized(before)));
}

INSTANTIATE_TEST_SUITE_P(Sides, ProductLeftAlone,
                         ::testing::Values(Case{"sigmoid", sigmoid},
                                           Case{"read_elsewhere", read_elsewhere},
                                           Case{"softmax", softmax}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// Both sides are the same channels of one layer: what one gains the other loses.
TEST(EqualizeProducts, AProductOfATensorWithItself) {
  Tokens t;
  const ValueId made = t.dense(false);
  const Graph before = optimized(t.builder.build({t.product(t.heads(made), t.heads(made))}));
  EXPECT_TRUE(same_constants(before, equalized(before)));
}

}  // namespace
}  // namespace quant
