// SPDX-License-Identifier: MIT
#include "quant/optimize/noise_gain.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quant {
namespace {

// One output of signal 1 in every frame.
std::vector<std::vector<NoiseEnergies>> noise(const std::vector<double>& by_frame) {
  std::vector<std::vector<NoiseEnergies>> result;
  for (const double energy : by_frame) result.push_back({{1, energy}});
  return result;
}

TEST(NoiseGain, TheSameGainInEveryFrameIsReal) {
  const NoiseGain gain = noise_gain(noise({0.1, 0.4, 0.2}), noise({0.05, 0.2, 0.1}));
  EXPECT_NEAR(gain.db, 10 * std::log10(2), 1e-12);
  EXPECT_NEAR(gain.error, 0, 1e-12);
  EXPECT_TRUE(gain.is_real(0.01));
  EXPECT_FALSE(gain.is_real(4));
}

TEST(NoiseGain, WhatOneFrameMakesIsNot) {
  // Pooled it is better by far; nine frames of ten say nothing.
  std::vector<double> before(10, 0.1);
  std::vector<double> after = before;
  before[4] = 2;
  const NoiseGain gain = noise_gain(noise(before), noise(after));
  EXPECT_GT(gain.db, 4);
  EXPECT_FALSE(gain.is_real(0.01));
}

TEST(NoiseGain, ErrorIsTheJackknifesOfTheMeanOfOutputs) {
  const std::vector<std::vector<NoiseEnergies>> before = {
      {{2, 0.4}, {5, 0.1}, {0, 0}}, {{3, 0.3}, {4, 0.2}, {0, 0}}, {{1, 0.5}, {6, 0.3}, {0, 0}}};
  const std::vector<std::vector<NoiseEnergies>> after = {
      {{2, 0.3}, {5, 0.1}, {0, 0}}, {{3, 0.2}, {4, 0.1}, {0, 0}}, {{1, 0.5}, {6, 0.4}, {0, 0}}};
  const auto db = [](double b0, double a0, double b1, double a1) {
    return (10 * std::log10(b0 / a0) + 10 * std::log10(b1 / a1)) / 2;
  };
  const NoiseGain gain = noise_gain(before, after);
  EXPECT_NEAR(gain.db, db(1.2, 1.0, 0.6, 0.6), 1e-12);
  const double without[] = {db(0.8, 0.7, 0.5, 0.5), db(0.9, 0.8, 0.4, 0.5), db(0.7, 0.5, 0.3, 0.2)};
  const double mean = (without[0] + without[1] + without[2]) / 3;
  double squares = 0;
  for (const double one : without) squares += (one - mean) * (one - mean);
  EXPECT_NEAR(gain.error, std::sqrt(2.0 / 3 * squares), 1e-12);
}

TEST(NoiseGain, OneFrameHasNoError) {
  const NoiseGain gain = noise_gain(noise({0.2}), noise({0.1}));
  EXPECT_GT(gain.db, 3);
  EXPECT_EQ(gain.error, 0);
}

TEST(NoiseGain, AnExactModelIsAsGoodAsItself) {
  EXPECT_EQ(noise_gain(noise({0, 0}), noise({0, 0})).db, 0);
}

}  // namespace
}  // namespace quant
