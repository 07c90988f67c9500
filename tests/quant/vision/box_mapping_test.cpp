// SPDX-License-Identifier: MIT
// From the frame back to the picture, against places worked out by hand.
#include "quant/vision/box_mapping.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

TEST(BoxMapping, StretchScalesEachAxis) {
  const Placement place = place_image(640, 120, 320, 240, ResizeMode::kStretch);
  EXPECT_EQ(to_image({10, 20, 30, 40}, place, 640, 120), (Box{20, 10, 60, 20}));
}

TEST(BoxMapping, LetterboxTakesTheBarsAway) {
  // 640x320 in 320x320: 320x160, bars of 80 rows above and below.
  const Placement place = place_image(640, 320, 320, 320, ResizeMode::kLetterbox);
  EXPECT_EQ(to_image({0, 80, 320, 240}, place, 640, 320), (Box{0, 0, 640, 320}));
  EXPECT_EQ(to_image({100, 90, 110, 100}, place, 640, 320), (Box{200, 20, 220, 40}));
}

TEST(BoxMapping, ACropLiesInTheMiddle) {
  // 640x320 over 160x160: 320x160, of which 80 columns are cut off on either side.
  const Placement place = place_image(640, 320, 160, 160, ResizeMode::kCrop);
  EXPECT_EQ(to_image({0, 0, 160, 160}, place, 640, 320), (Box{160, 0, 480, 320}));
  EXPECT_EQ(to_image({10, 20, 30, 40}, place, 640, 320), (Box{180, 40, 220, 80}));
  EXPECT_EQ(to_image({-100, -1, 0, 170}, place, 640, 320), (Box{0, 0, 160, 320}));
}

TEST(BoxMapping, WhatLiesOutsideIsCutOff) {
  const Placement place = place_image(640, 320, 320, 320, ResizeMode::kLetterbox);
  EXPECT_EQ(to_image({-50, 70, 10, 90}, place, 640, 320), (Box{0, 0, 20, 20}));
  EXPECT_EQ(to_image({0, 0, 50, 70}, place, 640, 320).area(), 0);  // in a bar
}

TEST(BoxMapping, APictureOfTheSizeOfTheFrameStays) {
  const Placement place = place_image(32, 16, 32, 16, ResizeMode::kLetterbox);
  EXPECT_EQ(to_image({1.5, 2, 3, 4.25}, place, 32, 16), (Box{1.5, 2, 3, 4.25}));
}

}  // namespace
}  // namespace quant
