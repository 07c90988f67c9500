// SPDX-License-Identifier: MIT
#include "quant/vision/non_maximum_suppression.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Box kBox{0, 0, 10, 10};
const Box kTwoThirds{2, 0, 12, 10};  // 80 of 120 in common with kBox
const Box kElsewhere{50, 50, 60, 60};

TEST(NonMaximumSuppression, KeepsTheBestOfWhatOverlaps) {
  EXPECT_THAT(
      suppress_non_maxima({{kTwoThirds, 0.5F, 0}, {kElsewhere, 0.1F, 0}, {kBox, 0.9F, 0}}, 0.6),
      ElementsAre(Detection{kBox, 0.9F, 0}, Detection{kElsewhere, 0.1F, 0}));
}

TEST(NonMaximumSuppression, OnlyMoreThanTheThresholdGoes) {
  const std::vector<Detection> both = {{kBox, 0.9F, 0}, {{0, 0, 10, 5}, 0.5F, 0}};
  EXPECT_THAT(suppress_non_maxima(both, 0.5).size(), 2);
  EXPECT_THAT(suppress_non_maxima(both, 0.49).size(), 1);
}

TEST(NonMaximumSuppression, ClassesDoNotDisturbEachOther) {
  EXPECT_THAT(suppress_non_maxima({{kBox, 0.5F, 0}, {kBox, 0.9F, 1}}, 0.3),
              ElementsAre(Detection{kBox, 0.9F, 1}, Detection{kBox, 0.5F, 0}));
}

TEST(NonMaximumSuppression, WhatWasSuppressedSuppressesNothing) {
  // The middle one goes because of the first; the last overlaps only the middle one.
  const Box first{0, 0, 10, 10};
  const Box middle{4, 0, 14, 10};
  const Box last{8, 0, 18, 10};
  EXPECT_THAT(suppress_non_maxima({{first, 0.9F, 0}, {middle, 0.8F, 0}, {last, 0.7F, 0}}, 0.4),
              ElementsAre(Detection{first, 0.9F, 0}, Detection{last, 0.7F, 0}));
}

TEST(NonMaximumSuppression, TheFirstOfEqualsStays) {
  EXPECT_THAT(suppress_non_maxima({{kTwoThirds, 0.9F, 0}, {kBox, 0.9F, 0}}, 0.6),
              ElementsAre(Detection{kTwoThirds, 0.9F, 0}));
  EXPECT_THAT(suppress_non_maxima({}, 0.5), IsEmpty());
}

}  // namespace
}  // namespace quant
