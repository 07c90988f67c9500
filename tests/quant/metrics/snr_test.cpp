// SPDX-License-Identifier: MIT
// Signal-to-noise ratio against values worked out by hand and against a naive long-double oracle.
#include "quant/metrics/snr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quant/metrics/snr_json.h"

namespace quant {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

OutputError error_of(const std::vector<float>& reference, const std::vector<float>& test) {
  OutputError error;
  error.add(reference, test);
  return error;
}

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution(0.5f, 3.0f);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(generator);
  return values;
}

TEST(Snr, TenthOfTheSignalIsTwentyDecibels) {
  // Σ ref² = 4, Σ (ref − test)² = 4 · 0.25² = 0.25: 10 · log10(16) = 12.0412 dB.
  const OutputError error = error_of({1, -1, 1, -1}, {1.25f, -0.75f, 0.75f, -1.25f});
  EXPECT_EQ(error.snr().state, SnrState::kOk);
  EXPECT_DOUBLE_EQ(error.snr().db, 10 * std::log10(16.0));
  // 1 against 1/1000 of the energy.
  EXPECT_NEAR(error_of({10, 0}, {10, 0.1f}).snr().db, 40.0, 1e-6);
}

TEST(Snr, CompanionFigures) {
  const OutputError error = error_of({1, 2, 3, 4}, {1.5f, 2, 2, 5});
  EXPECT_EQ(error.count, 4);
  EXPECT_DOUBLE_EQ(error.signal, 30);
  EXPECT_DOUBLE_EQ(error.noise, 0.25 + 0 + 1 + 1);
  EXPECT_DOUBLE_EQ(error.mse(), 2.25 / 4);
  EXPECT_DOUBLE_EQ(error.max_abs, 1);
  EXPECT_DOUBLE_EQ(error.mean_abs(), 2.5 / 4);
  EXPECT_DOUBLE_EQ(error.bias(), 0.5 / 4);  // test − ref: positive when the test is too large
  // ref·test = 1.5 + 4 + 6 + 20, |test|² = 2.25 + 4 + 4 + 25.
  EXPECT_DOUBLE_EQ(error.cosine().value(), 31.5 / (std::sqrt(30.0) * std::sqrt(35.25)));
}

TEST(Snr, NegativeWhereNoiseExceedsSignal) {
  EXPECT_DOUBLE_EQ(error_of({1}, {-9}).snr().db, -20);
  EXPECT_DOUBLE_EQ(error_of({1}, {-9}).cosine().value(), -1);
}

TEST(Snr, IdenticalIsExact) {
  const OutputError error = error_of({0, 3, -2}, {0, 3, -2});
  EXPECT_EQ(error.snr().state, SnrState::kExact);
  EXPECT_EQ(error.snr().db, std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(error.cosine().value(), 1);
}

TEST(Snr, ZeroReferenceIsUndefinedEvenWhenIdentical) {
  for (const std::vector<float>& test : {std::vector<float>{0, 0}, std::vector<float>{1, 0}}) {
    const Snr snr = error_of({0, 0}, test).snr();
    EXPECT_EQ(snr.state, SnrState::kUndefined);
    EXPECT_EQ(snr.reason, SnrReason::kZeroSignal);
    EXPECT_TRUE(std::isnan(snr.db));
  }
  EXPECT_FALSE(error_of({0, 0}, {1, 0}).cosine().has_value());
  EXPECT_FALSE(error_of({1, 0}, {0, 0}).cosine().has_value());
}

TEST(Snr, NothingMeasuredIsUndefined) {
  const OutputError error;
  EXPECT_EQ(error.snr().state, SnrState::kUndefined);
  EXPECT_EQ(error.snr().reason, SnrReason::kEmpty);
  EXPECT_EQ(error.mse(), 0);
  EXPECT_EQ(error.mean_abs(), 0);
  EXPECT_EQ(error.bias(), 0);
}

TEST(Snr, NonFiniteIsFlaggedAndDoesNotSpread) {
  for (float bad : {kNan, kInfinity, -kInfinity}) {
    for (bool in_reference : {true, false}) {
      std::vector<float> reference(3000, 2.0f);
      std::vector<float> test(3000, 1.0f);
      (in_reference ? reference : test)[1500] = bad;
      const OutputError error = error_of(reference, test);
      EXPECT_EQ(error.snr().state, SnrState::kUndefined);
      EXPECT_EQ(error.snr().reason, SnrReason::kNonFinite);
      EXPECT_EQ(error.non_finite, 1);
      EXPECT_EQ(error.count, 2999);
      EXPECT_DOUBLE_EQ(error.signal, 2999 * 4.0);
      EXPECT_DOUBLE_EQ(error.noise, 2999.0);
      EXPECT_DOUBLE_EQ(error.max_abs, 1);
    }
  }
}

TEST(Snr, LargestFloatsDoNotOverflow) {
  const float big = std::numeric_limits<float>::max();
  const OutputError error = error_of(std::vector<float>(100, big), std::vector<float>(100, -big));
  EXPECT_EQ(error.non_finite, 0);
  EXPECT_NEAR(error.snr().db, -10 * std::log10(4.0), 1e-12);
  EXPECT_DOUBLE_EQ(error.cosine().value(), -1);
}

// Every length around the lanes and blocks of the fast pass, and starts that are not aligned.
TEST(Snr, AgreesWithNaiveSumsAtEveryLength) {
  const std::vector<float> reference = random_values(5000, 1);
  const std::vector<float> test = random_values(5000, 2);
  for (std::size_t length : {1, 2, 7, 8, 9, 15, 16, 17, 1023, 1024, 1025, 1031, 2048, 4097}) {
    for (std::size_t start : {0, 1, 3}) {
      const std::span<const float> r = std::span(reference).subspan(start, length);
      const std::span<const float> t = std::span(test).subspan(start, length);
      long double signal = 0, noise = 0, sum = 0, absolute = 0, maximum = 0, product = 0;
      for (std::size_t i = 0; i < length; ++i) {
        const long double delta = static_cast<long double>(t[i]) - r[i];
        signal += static_cast<long double>(r[i]) * r[i];
        noise += delta * delta;
        product += static_cast<long double>(r[i]) * t[i];
        sum += delta;
        absolute += std::fabs(delta);
        maximum = std::max(maximum, std::fabs(delta));
      }
      OutputError error;
      error.add(r, t);
      EXPECT_EQ(error.count, static_cast<std::int64_t>(length));
      EXPECT_NEAR(error.signal / static_cast<double>(signal), 1, 1e-13);
      EXPECT_NEAR(error.noise / static_cast<double>(noise), 1, 1e-13);
      EXPECT_NEAR(error.product, static_cast<double>(product), 1e-9);
      EXPECT_NEAR(error.difference_sum, static_cast<double>(sum), 1e-9);
      EXPECT_NEAR(error.absolute_sum, static_cast<double>(absolute), 1e-9);
      EXPECT_EQ(error.max_abs, static_cast<double>(maximum));
    }
  }
}

TEST(Snr, SameInputGivesTheSameBits) {
  const std::vector<float> reference = random_values(12345, 3);
  const std::vector<float> test = random_values(12345, 4);
  EXPECT_EQ(error_of(reference, test), error_of(reference, test));
}

TEST(Snr, MergeIsConcatenation) {
  const std::vector<float> reference = random_values(9001, 5);
  const std::vector<float> test = random_values(9001, 6);
  const OutputError whole = error_of(reference, test);
  OutputError merged;
  for (auto [start, length] :
       {std::pair<std::size_t, std::size_t>{0, 1}, {1, 3000}, {3001, 6000}}) {
    OutputError part;
    part.add(std::span(reference).subspan(start, length), std::span(test).subspan(start, length));
    merged.merge(part);
  }
  EXPECT_EQ(merged.count, whole.count);
  EXPECT_EQ(merged.max_abs, whole.max_abs);
  EXPECT_NEAR(merged.snr().db, whole.snr().db, 1e-12);
  EXPECT_NEAR(merged.bias(), whole.bias(), 1e-12);
  EXPECT_NEAR(merged.cosine().value(), whole.cosine().value(), 1e-12);
}

// Pooling sums energies: 20 dB on a strong frame and 0 dB on a weak one is far from their mean
// of 10.
TEST(Snr, PoolingIsNotAveragingDecibels) {
  OutputError pooled = error_of({100}, {90});
  pooled.merge(error_of({1}, {0}));
  EXPECT_DOUBLE_EQ(pooled.snr().db, 10 * std::log10(10001.0 / 101.0));
  EXPECT_GT(pooled.snr().db, 19.9);
}

TEST(Snr, MeasureErrorRefusesOtherShapesAndTypes) {
  const Tensor a(DataType::kFloat32, {2, 3});
  EXPECT_TRUE(measure_error(a, a.clone()).has_value());
  const auto shapes = measure_error(a, Tensor(DataType::kFloat32, {3, 2}));
  ASSERT_FALSE(shapes.has_value());
  EXPECT_EQ(shapes.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(shapes.error().text(), testing::HasSubstr("2x3"));
  const auto types = measure_error(a, Tensor(DataType::kInt64, {2, 3}));
  ASSERT_FALSE(types.has_value());
  EXPECT_EQ(types.error().code, ErrorCode::kUnsupported);
}

TEST(SnrJson, HasNoNumberWhereThereIsNone) {
  const auto ok = to_json(error_of({10}, {9}));
  EXPECT_DOUBLE_EQ(ok["snr_db"].get<double>(), 20);
  EXPECT_EQ(ok["state"], "ok");
  EXPECT_FALSE(ok.contains("reason"));
  const auto exact = to_json(error_of({10}, {10}));
  EXPECT_TRUE(exact["snr_db"].is_null());
  EXPECT_EQ(exact["state"], "exact");
  const auto undefined = to_json(error_of({0, kNan}, {10, 1}));
  EXPECT_TRUE(undefined["snr_db"].is_null());
  EXPECT_TRUE(undefined["cosine"].is_null());
  EXPECT_EQ(undefined["state"], "undefined");
  EXPECT_EQ(undefined["reason"], "not finite");
  EXPECT_EQ(undefined["non_finite"], 1);
  for (const char* field : {"signal", "noise", "mse", "max_abs", "mean_abs", "bias"})
    EXPECT_TRUE(undefined[field].is_number()) << field;
}

}  // namespace
}  // namespace quant
