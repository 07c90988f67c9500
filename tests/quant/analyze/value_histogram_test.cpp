// SPDX-License-Identifier: MIT
// Counts against those of a loop over the edges.
#include "quant/analyze/value_histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace quant {
namespace {

// A power of two: every edge is exact.
constexpr float kScale = 0.5F;
constexpr float kZeroPoint = 10;

QuantParams params(DataType type) { return {type, {kScale}, {kZeroPoint}, 0, 0, 0}; }

std::vector<std::int64_t> count_between_edges(const ValueHistogram& histogram,
                                              const std::vector<double>& values) {
  std::vector<std::int64_t> counts(histogram.native.size(), 0);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double low = histogram.from + static_cast<double>(i) * histogram.width;
    for (const double value : values) {
      if (value >= low && value < low + histogram.width) ++counts[i];
    }
  }
  return counts;
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

TEST(ValueHistogram, CountsWhatLiesBetweenTheEdges) {
  std::mt19937 engine(1);
  // Integers 0 … 255 stand for −5 … 122.5: some values lie outside on either side.
  std::normal_distribution<float> normal(40, 60);
  std::vector<float> values(5000);
  for (float& value : values) value = normal(engine);
  StepHistogram counter(256);
  counter.add(std::span(values).first(1234), 1 / kScale, kZeroPoint);
  counter.add(std::span(values).subspan(1234), 1 / kScale, kZeroPoint);
  std::array<std::int64_t, 256> integers{};
  std::vector<double> real;
  for (std::size_t q = 0; q < integers.size(); ++q) {
    integers[q] = static_cast<std::int64_t>(engine() % 5);
    for (std::int64_t n = 0; n < integers[q]; ++n)
      real.push_back((static_cast<double>(q) - kZeroPoint) * kScale);
  }
  const ValueHistogram histogram = counter.finish(params(DataType::kUint8), integers);
  EXPECT_EQ(histogram.width, 4 * kScale);
  ASSERT_GT(histogram.native.size(), 64U);
  EXPECT_EQ(histogram.native,
            count_between_edges(histogram, std::vector<double>(values.begin(), values.end())));
  EXPECT_EQ(histogram.quantized, count_between_edges(histogram, real));
  EXPECT_EQ(total(histogram.native), 5000);
}

TEST(ValueHistogram, GainMovesValuesIntoTheScaleOfTheIntegers) {
  StepHistogram counter(256);
  const std::vector<float> values = {1.0F, 2.0F};
  counter.add(values, 8 / kScale, kZeroPoint);
  const ValueHistogram histogram = counter.finish(params(DataType::kUint8), {});
  EXPECT_EQ(histogram.native, count_between_edges(histogram, {8, 16}));
}

TEST(ValueHistogram, FarValuesWidenTheBinsAndLoseNothing) {
  StepHistogram counter(256);
  const std::vector<float> values = {-3.0F, 0, 17, 99, 1e6F, -2e6F, 5};
  counter.add(values, 1 / kScale, kZeroPoint);
  std::array<std::int64_t, 256> integers{};
  integers.fill(1);
  const ValueHistogram histogram = counter.finish(params(DataType::kUint8), integers);
  EXPECT_LE(static_cast<std::int64_t>(histogram.native.size()), StepHistogram::kMostBins);
  EXPECT_EQ(histogram.native,
            count_between_edges(histogram, std::vector<double>(values.begin(), values.end())));
  EXPECT_EQ(total(histogram.native), 7);
  EXPECT_EQ(total(histogram.quantized), 256);
  EXPECT_EQ(histogram.quantized.size(), histogram.native.size());
}

TEST(ValueHistogram, SixteenBits) {
  StepHistogram counter(65536);
  const std::vector<float> values = {0, 10000, 32000};
  counter.add(values, 1 / kScale, kZeroPoint);
  std::array<std::int64_t, 256> integers{};
  integers[0] = 3;
  integers[7] = 5;    // integers 1792 … 2047: still the second of 64 bins
  integers[255] = 7;  // the last one
  const ValueHistogram histogram = counter.finish(params(DataType::kUint16), integers);
  EXPECT_EQ(histogram.width, 1024 * kScale);
  ASSERT_EQ(histogram.quantized.size(), 64U);
  EXPECT_EQ(histogram.quantized[0], 3);
  EXPECT_EQ(histogram.quantized[1], 5);
  EXPECT_EQ(histogram.quantized[63], 7);
  EXPECT_EQ(histogram.native, count_between_edges(histogram, {0, 10000, 32000}));
}

TEST(ValueHistogram, WhatIsNotFiniteIsLeftOut) {
  StepHistogram counter(256);
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {std::nanf(""), infinity, -infinity, 1,
                                     std::numeric_limits<float>::max()};
  counter.add(values, 1 / kScale, kZeroPoint);
  const ValueHistogram histogram = counter.finish(params(DataType::kUint8), {});
  EXPECT_EQ(total(histogram.native), 2);
  EXPECT_LE(static_cast<std::int64_t>(histogram.native.size()), StepHistogram::kMostBins);
}

}  // namespace
}  // namespace quant
