// SPDX-License-Identifier: MIT
// Order statistics against values counted by hand.
#include "quant/metrics/timing.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace quant {
namespace {

TEST(Timing, NothingMeasured) {
  EXPECT_EQ(summarize_timings({}).count, 0u);
  EXPECT_EQ(summarize_timings({}).fps(), 0);
}

TEST(Timing, OneValueIsEverything) {
  const TimingSummary summary = summarize_timings(std::vector<double>{4});
  EXPECT_EQ(summary.min_ms, 4);
  EXPECT_EQ(summary.median_ms, 4);
  EXPECT_EQ(summary.p95_ms, 4);
  EXPECT_EQ(summary.fps(), 250);
}

TEST(Timing, OrderDoesNotMatterAndOutliersDoNotMoveTheMedian) {
  const TimingSummary summary = summarize_timings(std::vector<double>{3, 1000, 1, 2});
  EXPECT_EQ(summary.min_ms, 1);
  EXPECT_EQ(summary.median_ms, 2.5);
  EXPECT_EQ(summary.p95_ms, 1000);
}

TEST(Timing, NinetyFifthOfAHundredIsTheNinetyFifth) {
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1.0);
  EXPECT_EQ(summarize_timings(values).p95_ms, 95);
  EXPECT_EQ(summarize_timings(values).p99_ms, 99);
  values.resize(20);  // 1…20: 19 of 20 are 95 %
  EXPECT_EQ(summarize_timings(values).p95_ms, 19);
  EXPECT_EQ(summarize_timings(values).p99_ms, 20);
}

}  // namespace
}  // namespace quant
