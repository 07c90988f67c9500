// SPDX-License-Identifier: MIT
// Agreement of two classifiers and ranks of the right class, against values worked out by hand.
#include "quant/metrics/classification.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace quant {
namespace {

TEST(ClassifierAgreement, CountsEqualDecisions) {
  const std::vector<float> reference = {5, 1, 1, /**/ 1, 5, 1, /**/ 1, 1, 5, /**/ 5, 1, 1};
  const std::vector<float> test = {9, 1, 1, /**/ 1, 2, 1, /**/ 5, 1, 1, /**/ 3, 2, 1};
  ClassifierAgreement agreement;
  agreement.add(reference, test, 3, ClassScores::kLogits);
  EXPECT_EQ(agreement.samples, 4);
  EXPECT_DOUBLE_EQ(agreement.top1(), 0.75);
}

TEST(ClassifierAgreement, OverlapIsTheCommonProbabilityMass) {
  ClassifierAgreement given;
  given.add(std::vector<float>{0.75f, 0.25f}, std::vector<float>{0.5f, 0.5f}, 2,
            ClassScores::kProbabilities);
  EXPECT_DOUBLE_EQ(given.overlap(), 0.75);
  // softmax(0, ln 3) = (1/4, 3/4), softmax(0, 0) = (1/2, 1/2): common 1/4 + 1/2.
  ClassifierAgreement logits;
  logits.add(std::vector<float>{0, std::log(3.0f)}, std::vector<float>{7, 7}, 2,
             ClassScores::kLogits);
  EXPECT_NEAR(logits.overlap(), 0.75, 1e-7);
}

TEST(ClassifierAgreement, LargeLogitsDoNotOverflow) {
  const std::vector<float> scores = {1e30f, 0, -1e30f};
  ClassifierAgreement agreement;
  agreement.add(scores, scores, 3, ClassScores::kLogits);
  EXPECT_DOUBLE_EQ(agreement.overlap(), 1);
  EXPECT_DOUBLE_EQ(agreement.top1(), 1);
}

TEST(ClassifierAgreement, LeavesOutSamplesThatAreNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ClassifierAgreement agreement;
  agreement.add(std::vector<float>{1, 2, 1, 2}, std::vector<float>{nan, 2, 1, 2}, 2,
                ClassScores::kLogits);
  EXPECT_EQ(agreement.samples, 1);
  EXPECT_EQ(agreement.non_finite, 1);
  EXPECT_DOUBLE_EQ(agreement.top1(), 1);
}

TEST(ClassifierAgreement, Merges) {
  ClassifierAgreement a, b, both;
  const std::vector<float> reference = {1, 2, 3, 0};
  const std::vector<float> test = {2, 1, 3, 0};
  a.add(std::span(reference).first(2), std::span(test).first(2), 2, ClassScores::kLogits);
  b.add(std::span(reference).last(2), std::span(test).last(2), 2, ClassScores::kLogits);
  both.add(reference, test, 2, ClassScores::kLogits);
  a.merge(b);
  EXPECT_EQ(a, both);
  EXPECT_EQ(ClassifierAgreement{}.top1(), 0);
}

TEST(RankOf, CountsWhatComesBefore) {
  const std::vector<float> scores = {0.1F, 0.7F, -2, 0.7F, 0.2F};
  EXPECT_EQ(rank_of(scores, 1), 0U);
  EXPECT_EQ(rank_of(scores, 3), 1U);  // the first of equals comes first
  EXPECT_EQ(rank_of(scores, 4), 2U);
  EXPECT_EQ(rank_of(scores, 0), 3U);
  EXPECT_EQ(rank_of(scores, 2), 4U);
}

TEST(RankOf, ScoresThatAreNotFiniteHaveNoOrder) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(rank_of(std::vector<float>{1, nan}, 0).has_value());
  EXPECT_FALSE(rank_of(std::vector<float>{1, std::numeric_limits<float>::infinity()}, 0));
}

}  // namespace
}  // namespace quant
