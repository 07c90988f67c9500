// SPDX-License-Identifier: MIT
#include "quant/optimize/observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace quant {
namespace {

std::vector<float> normal_values(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

TEST(MinMaxObserver, CoversAllBatchesAndSkipsWhatIsNotFinite) {
  MinMaxObserver observer;
  observer.observe(std::vector<float>{2.0F, 3.0F});
  EXPECT_EQ(observer.range(), (Range{2.0F, 3.0F}));
  observer.observe(std::vector<float>{-1.0F, std::numeric_limits<float>::quiet_NaN(),
                                      std::numeric_limits<float>::infinity()});
  EXPECT_EQ(observer.range(), (Range{-1.0F, 3.0F}));
  EXPECT_EQ(observer.non_finite(), 2);
}

TEST(PercentileRange, CutsTheSameShareOffBothTails) {
  HistogramObserver histogram({0.0F, 1.0F});
  std::vector<float> uniform(100000);
  for (std::size_t i = 0; i < uniform.size(); ++i)
    uniform[i] = (static_cast<float>(i) + 0.5F) / 100000.0F;
  histogram.observe(uniform);
  const Range range = percentile_range(histogram, 90.0);
  EXPECT_NEAR(range.min, 0.05F, 2.0F / HistogramObserver::kBins);
  EXPECT_NEAR(range.max, 0.95F, 2.0F / HistogramObserver::kBins);
}

TEST(PercentileRange, HundredPercentKeepsEverythingSeen) {
  HistogramObserver histogram({-4.0F, 4.0F});
  histogram.observe(std::vector<float>{-4.0F, 4.0F, 0.0F});
  EXPECT_EQ(percentile_range(histogram, 100.0), (Range{-4.0F, 4.0F}));
}

// The brute-force meaning: quantize every value and add the squares.
double quantization_error(const std::vector<float>& values, Range range) {
  const double scale = (static_cast<double>(range.max) - range.min) / 255;
  double error = 0;
  for (const float value : values) {
    const double level = std::clamp(std::nearbyint((value - range.min) / scale), 0.0, 255.0);
    const double back = level * scale + range.min;
    error += (back - value) * (back - value);
  }
  return error;
}

TEST(MseRange, BeatsMinMaxOnLongTails) {
  std::vector<float> values = normal_values(100000, 1);
  values.push_back(60.0F);
  MinMaxObserver extremes;
  extremes.observe(values);
  HistogramObserver histogram(extremes.range());
  histogram.observe(values);
  const Range best = mse_range(histogram, 8);
  EXPECT_LT(best.max, 60.0F);
  EXPECT_LT(quantization_error(values, best), quantization_error(values, extremes.range()));
}

TEST(MseRange, KeepsZeroInside) {
  HistogramObserver histogram({2.0F, 6.0F});
  histogram.observe(std::vector<float>{2.0F, 3.0F, 6.0F});
  EXPECT_LE(mse_range(histogram, 8).min, 0.0F);
}

TEST(PercentileRange, SharesOfTheirOwnAtEitherEnd) {
  HistogramObserver histogram({0.0F, 4096.0F});  // one value a bin
  std::vector<float> values;
  for (int i = 0; i < 4096; ++i) values.push_back(static_cast<float>(i) + 0.5F);
  histogram.observe(values);
  const Range range = percentile_range(histogram, 25.0, 100.0);
  EXPECT_NEAR(range.min, 1024, 1);
  EXPECT_EQ(range.max, 4096.0F);
}

TEST(EntropyRange, CutsALongTailAndKeepsAFullHistogram) {
  std::vector<float> values = normal_values(100000, 1);
  values.push_back(60.0F);
  values.push_back(-60.0F);
  HistogramObserver tailed({-60.0F, 60.0F});
  tailed.observe(values);
  const Range cut = entropy_range(tailed, 8);
  EXPECT_LT(cut.max, 30.0F);
  EXPECT_GT(cut.max, 3.0F);
  EXPECT_FLOAT_EQ(cut.min, -cut.max);
  HistogramObserver flat({-1.0F, 1.0F});
  std::vector<float> even;
  for (int i = 0; i < 8192; ++i) even.push_back(static_cast<float>(i) / 4096.0F - 1.0F);
  flat.observe(even);
  EXPECT_EQ(entropy_range(flat, 8), (Range{-1.0F, 1.0F}));
}

}  // namespace
}  // namespace quant
