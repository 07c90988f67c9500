// SPDX-License-Identifier: MIT
// The interval against distributions that can be written down, and how often it is right.
#include "quant/metrics/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace quant {
namespace {

// The mean over images of one value each.
ResampledFigure mean_of(std::vector<double> values) {
  return [values = std::move(values)](std::span<const std::uint32_t> weights) {
    double sum = 0;
    double all = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum += values[i] * weights[i];
      all += weights[i];
    }
    return std::optional<double>(sum / all);
  };
}

Interval interval_of(const std::vector<double>& reference, const std::vector<double>& test,
                     const BootstrapOptions& options = {}) {
  const std::vector<ResampledFigure> figures = {mean_of(reference), mean_of(test)};
  return paired_differences(reference.size(), figures, options).at(0).value();
}

TEST(Bootstrap, ADifferenceThatIsTheSameEverywhereIsCertain) {
  // What is hard about an image is hard for both: only the difference counts.
  const Interval interval = interval_of({0, 100, 3, 8}, {2, 102, 5, 10});
  EXPECT_NEAR(interval.low, 2, 1e-12);
  EXPECT_NEAR(interval.high, 2, 1e-12);
}

TEST(Bootstrap, ThreeImagesHaveAKnownDistribution) {
  // Three times the mean difference is how often the third image is drawn, binomial(3, 1/3):
  // 0, 1, 2, 3 with 8/27, 12/27, 6/27, 1/27 = 3.7 %. So 97.5 % lies at 3 of 3 and 95 % at 2 of 3.
  const std::vector<double> none = {0, 0, 0};
  const std::vector<double> third = {0, 0, 3};
  EXPECT_EQ(interval_of(none, third, {20000, 0.95, 1}), (Interval{0, 3}));
  EXPECT_EQ(interval_of(none, third, {20000, 0.90, 1}), (Interval{0, 2}));
  EXPECT_EQ(interval_of(third, none, {20000, 0.90, 1}), (Interval{-2, 0}));
}

TEST(Bootstrap, ManyImagesApproachTheNormalInterval) {
  std::mt19937 generator(3);
  std::normal_distribution<double> noise(0.5, 2);
  std::vector<double> differences(400);
  double mean = 0;
  for (double& value : differences) mean += (value = noise(generator)) / 400;
  double variance = 0;
  for (const double value : differences) variance += (value - mean) * (value - mean) / 400;
  const double half = 1.96 * std::sqrt(variance / 400);
  const Interval interval =
      interval_of(std::vector<double>(400, 0.0), differences, {20000, 0.95, 1});
  EXPECT_NEAR(interval.low, mean - half, 0.03 * half);
  EXPECT_NEAR(interval.high, mean + half, 0.03 * half);
}

TEST(Bootstrap, HoldsTheTruthAsOftenAsItSays) {
  // Two classifiers right on 80 % and 70 % of all images, a fifth of which only one gets right.
  std::mt19937 generator(11);
  std::uniform_real_distribution<double> share(0, 1);
  constexpr int kSets = 400;
  int held = 0;
  for (int set = 0; set < kSets; ++set) {
    std::vector<double> reference(80);
    std::vector<double> test(80);
    for (std::size_t i = 0; i < reference.size(); ++i) {
      const double which = share(generator);  // both, only the reference, only the test, none
      reference[i] = which < 0.8 ? 1 : 0;
      test[i] = which < 0.65 || (which >= 0.8 && which < 0.85) ? 1 : 0;
    }
    const Interval interval =
        interval_of(reference, test, {400, 0.95, static_cast<std::uint64_t>(set)});
    held += interval.low <= -0.1 && -0.1 <= interval.high ? 1 : 0;
  }
  // 95 % of 400 are 380 ± 4.4.
  EXPECT_GE(held, 362);
  EXPECT_LE(held, 396);
}

TEST(Bootstrap, SameSeedSameBits) {
  const std::vector<double> reference = {1, 0, 1, 1, 0, 0, 1};
  const std::vector<double> test = {1, 1, 0, 1, 0, 1, 0};
  EXPECT_EQ(interval_of(reference, test), interval_of(reference, test));
}

TEST(Bootstrap, EveryFigureSeesTheSameResamples) {
  const std::vector<double> reference = {1, 0, 1, 1, 0, 0, 1};
  const std::vector<double> test = {1, 1, 0, 1, 0, 1, 0};
  const std::vector<ResampledFigure> figures = {mean_of(reference), mean_of(reference),
                                                mean_of(test), mean_of(test)};
  const auto intervals = paired_differences(7, figures, {});
  ASSERT_EQ(intervals.size(), 3U);
  EXPECT_EQ(intervals[0].value(), (Interval{0, 0}));
  EXPECT_EQ(intervals[1].value(), intervals[2].value());
  EXPECT_EQ(intervals[1].value(), interval_of(reference, test));
}

TEST(Bootstrap, ResamplesWithoutAFigureDoNotCount) {
  // Defined only where the first image occurs.
  const ResampledFigure sometimes = [](std::span<const std::uint32_t> weights) {
    return weights[0] > 0 ? std::optional<double>(5) : std::nullopt;
  };
  const ResampledFigure never = [](std::span<const std::uint32_t>) {
    return std::optional<double>();
  };
  const ResampledFigure always = mean_of({3, 3});
  const std::vector<ResampledFigure> figures = {always, sometimes, never};
  const auto intervals = paired_differences(2, figures, {});
  EXPECT_EQ(intervals[0].value(), (Interval{2, 2}));
  EXPECT_FALSE(intervals[1].has_value());
}

TEST(Bootstrap, OneImageSaysNothing) {
  const std::vector<ResampledFigure> figures = {mean_of({1}), mean_of({0})};
  EXPECT_FALSE(paired_differences(1, figures, {}).at(0).has_value());
  EXPECT_TRUE(paired_differences(5, std::span(figures).first(1), {}).empty());
  EXPECT_TRUE(paired_differences(5, {}, {}).empty());
}

}  // namespace
}  // namespace quant
