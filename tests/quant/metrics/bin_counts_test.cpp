// SPDX-License-Identifier: MIT
// The same counts on every instruction set: those of the edges, one value at a time.
#include "quant/metrics/bin_counts.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

namespace quant {
namespace {

double position(float value, const BinRule& rule) {
  return ((double{value} * rule.steps_per_value + rule.zero_point) + 0.5) * rule.bins_per_step;
}

std::int32_t oracle(float value, const BinRule& rule) {
  const double place = position(value, rule);
  for (std::int32_t bin = 0; bin < rule.bins; ++bin) {
    const auto low = static_cast<double>(rule.first + bin);
    if (place >= low && place < low + 1) return bin;
  }
  return rule.bins;
}

BinCounts counted_one_by_one(std::span<const float> values, const BinRule& rule) {
  BinCounts counts;
  for (const float value : values) {
    const std::int32_t bin = oracle(value, rule);
    ++(bin == rule.bins ? counts.outside : counts.inside[static_cast<std::size_t>(bin)]);
    const double wanted = std::floor(position(value, rule)) - static_cast<double>(rule.first);
    if (!std::isfinite(wanted)) continue;
    counts.lowest = std::fmin(counts.lowest, wanted);
    counts.highest = std::fmax(counts.highest, wanted);
  }
  return counts;
}

// On every instruction set of this CPU.
void expect_counts(std::span<const float> values, const BinRule& rule) {
  const BinCounts expected = counted_one_by_one(values, rule);
  int sets = 0;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(targets & -targets));
    ++sets;
    const BinCounts counts = count_bins(values, rule);
    EXPECT_EQ(counts.inside, expected.inside);
    EXPECT_EQ(counts.outside, expected.outside);
    // Inside the rule's bins they need not be known.
    EXPECT_EQ(std::fmin(counts.lowest, 0), expected.lowest);
    EXPECT_EQ(std::fmax(counts.highest, rule.bins - 1), std::fmax(expected.highest, rule.bins - 1));
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(sets, 1);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

const BinRule kRules[] = {{4, 0, 0.25, 0, 16},
                          {2.5, 10, 0.25, -7, 64},
                          {1, -3, 1, -40, 1},
                          {17.3, 128, 0.25, 0, 64},
                          {-211.7, 33, 0.25, -30, BinRule::kMostBins},
                          {1e4, 31000, 1.0 / 1024, 0, 64},
                          {0.037, 0, 1.0 / 512, 3, 40},
                          {3, 0.3125, 1, -100, 200},
                          // Where floats cannot say: a scale of zero, a denormal one, an infinite
                          // one, positions far away.
                          {0, 7, 1, 0, 16},
                          {1e-41, 0, 1, 0, 16},
                          {1e60, 0, 1, 0, 16},
                          {1, 1e15, 1, 999999999999990, 20},
                          {1e-3, 1 << 20, 1, (1 << 20) - 5, 12},
                          {1, 0, 1, 0, 0}};

TEST(BinCounts, AreThoseOfTheEdges) {
  std::mt19937 engine(5);
  std::normal_distribution<float> normal(3, 40);
  std::vector<float> values(200);
  for (float& value : values) value = normal(engine);
  for (const float special :
       {0.0F, -0.0F, kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e30F, -1e30F,
        -0.125F, 0.875F, 15.875F, std::numeric_limits<float>::denorm_min(),
        std::numeric_limits<float>::max()}) {
    values.push_back(special);
  }
  for (const BinRule& rule : kRules) {
    for (const std::size_t start : {0, 1, 3}) expect_counts(std::span(values).subspan(start), rule);
    for (const std::size_t count : {0, 1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33})
      expect_counts(std::span(values).last(33).first(count), rule);
  }
}

// Beside an edge float arithmetic has the wrong side at times; only the rule's own doubles decide.
TEST(BinCounts, NeighboursOfEveryEdgeAreOnTheirOwnSide) {
  for (const BinRule& rule : kRules) {
    std::vector<float> values;
    for (int edge = 0; edge <= rule.bins; ++edge) {
      const double position = static_cast<double>(rule.first + edge) / rule.bins_per_step - 0.5;
      const auto middle = static_cast<float>((position - rule.zero_point) / rule.steps_per_value);
      float below = middle, above = middle;
      values.push_back(middle);
      for (int step = 0; step < 6; ++step) {
        values.push_back(below = std::nextafter(below, -kInfinity));
        values.push_back(above = std::nextafter(above, kInfinity));
      }
      for (const float part : {1e-6F, 1e-5F, 1e-4F, 1e-3F}) {
        values.push_back(middle * (1 + part));
        values.push_back(middle * (1 - part));
      }
    }
    expect_counts(values, rule);
  }
}

// Bins that are counted in pairs lie somewhere among the others; values near their edges and far
// outside come between.
TEST(BinCounts, RulesAndValuesOfAllKinds) {
  std::mt19937 engine(8);
  const auto between = [&engine](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine);
  };
  for (int round = 0; round < 60; ++round) {
    BinRule rule;
    rule.bins = std::uniform_int_distribution<std::int32_t>(1, BinRule::kMostBins)(engine);
    rule.first = std::uniform_int_distribution<std::int64_t>(-300, 100)(engine);
    rule.bins_per_step = std::exp2(std::round(between(-10, 0)));
    rule.zero_point = std::round(between(-40, 300));
    rule.steps_per_value = std::exp2(between(-12, 12)) * (round % 3 == 0 ? -1 : 1);
    const double beyond = round % 4 == 0 ? 1.0 : 0.0;
    std::vector<float> values;
    for (int i = 0; i < 1500; ++i) {
      double place = static_cast<double>(rule.first) + rule.bins * between(-beyond, 1 + beyond);
      if (i % 97 == 0) place = std::round(place);
      values.push_back(static_cast<float>((place / rule.bins_per_step - 0.5 - rule.zero_point) /
                                          rule.steps_per_value));
    }
    expect_counts(values, rule);
  }
}

// More of one pair than sixteen bits can count.
TEST(BinCounts, MoreThanABlock) {
  const BinRule rule{1, 0, 1, -3, 70};
  std::vector<float> values((std::size_t{1} << 20) + 77, 12);
  values.insert(values.end(), 1000, 40);
  expect_counts(values, rule);
}

// Whole vectors in one bin, and where such a stretch begins and ends.
TEST(BinCounts, StretchesOfOneBin) {
  const BinRule rule{1, 0, 1, 0, 10};
  for (const std::size_t before : {0, 5, 16, 31}) {
    for (const std::size_t length : {15, 16, 64, 100}) {
      std::vector<float> values(before, 2);
      values.insert(values.end(), length, 7);
      values.insert(values.end(), length, 20);
      values.insert(values.end(), 40, 2);
      values.push_back(7);
      expect_counts(values, rule);
    }
  }
}

// Few values that take turns: vectors are alike though their lanes are not.
TEST(BinCounts, ValuesThatTakeTurns) {
  const BinRule rule{1, 0, 1, 0, 10};
  const float turns[] = {2, 7, 20, 3, 7};
  for (std::size_t period = 2; period <= std::size(turns); ++period) {
    for (const std::size_t length : {16, 33, 640}) {
      std::vector<float> values;
      for (std::size_t i = 0; i < length; ++i) values.push_back(turns[i % period]);
      values.insert(values.end(), 20, 4);
      for (std::size_t i = 0; i < length; ++i) values.push_back(turns[i % period]);
      expect_counts(values, rule);
    }
  }
}

}  // namespace
}  // namespace quant
