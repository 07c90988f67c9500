// SPDX-License-Identifier: MIT
#include "quant/optimize/judged_snr.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace quant {
namespace {

using ::testing::DoubleNear;

TEST(JudgedSnr, PoolsEnergies) {
  const std::vector<NoiseEnergies> frames = {{100, 1}, {300, 3}, {600, 6}};
  const auto judged = judge_snr(frames);
  ASSERT_TRUE(judged);
  EXPECT_THAT(judged->db, DoubleNear(20, 1e-9));
  // However they are drawn: every frame has 20 dB.
  EXPECT_THAT(judged->least_db, DoubleNear(20, 1e-9));
}

TEST(JudgedSnr, OneFrameSaysNothingOfOthers) {
  const std::vector<NoiseEnergies> frames = {{100, 1}};
  const auto judged = judge_snr(frames);
  ASSERT_TRUE(judged);
  EXPECT_EQ(judged->least_db, judged->db);
}

TEST(JudgedSnr, NoSignalHasNoFigure) {
  const std::vector<NoiseEnergies> frames = {{0, 1}, {0, 2}};
  EXPECT_FALSE(judge_snr(frames));
}

// The oracle: the sets drawn one by one, by another generator.
TEST(JudgedSnr, OneSetInTwentyIsBelowTheBound) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> noise(0, 1);
  std::vector<NoiseEnergies> frames;
  for (int i = 0; i < 16; ++i) frames.push_back({1000, noise(random)});
  const auto judged = judge_snr(frames);
  ASSERT_TRUE(judged);
  std::uniform_int_distribution<std::size_t> draw(0, frames.size() - 1);
  constexpr int kSets = 20000;
  int below = 0;
  for (int set = 0; set < kSets; ++set) {
    NoiseEnergies pooled;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const NoiseEnergies& frame = frames[draw(random)];
      pooled.signal += frame.signal;
      pooled.noise += frame.noise;
    }
    below += 10 * std::log10(pooled.signal / pooled.noise) < judged->least_db ? 1 : 0;
  }
  EXPECT_THAT(static_cast<double>(below) / kSets, DoubleNear(0.05, 0.015));
  EXPECT_LT(judged->least_db, judged->db - 0.5);
}

}  // namespace
}  // namespace quant
