// SPDX-License-Identifier: MIT
#include "quant/script/glob.h"

#include <gmock/gmock.h>

#include <string>

namespace quant {
namespace {

TEST(Glob, PlainText) {
  EXPECT_TRUE(glob_matches("conv1", "conv1"));
  EXPECT_FALSE(glob_matches("conv1", "conv12"));
  EXPECT_FALSE(glob_matches("conv12", "conv1"));
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*", "net/conv1"));
  EXPECT_TRUE(glob_matches("conv*", "conv"));
  EXPECT_TRUE(glob_matches("*conv*", "deconv1"));
  EXPECT_TRUE(glob_matches("a*b*c", "a__b_c_bc"));
  EXPECT_FALSE(glob_matches("a*b*c", "a__b_c_b"));
  EXPECT_TRUE(glob_matches("conv?", "conv1"));
  EXPECT_FALSE(glob_matches("conv?", "conv"));
  EXPECT_FALSE(glob_matches("conv?", "conv12"));
}

TEST(Glob, CharacterClasses) {
  EXPECT_TRUE(glob_matches("conv_feature_splitter[0-9]*_[2-3]", "conv_feature_splitter12_3"));
  EXPECT_FALSE(glob_matches("conv_feature_splitter[0-9]*_[2-3]", "conv_feature_splitter12_1"));
  EXPECT_FALSE(glob_matches("conv_feature_splitter[0-9]*_[2-3]", "conv_feature_splitter_2"));
  EXPECT_TRUE(glob_matches("conv[!0-4]", "conv5"));
  EXPECT_FALSE(glob_matches("conv[^0-4]", "conv3"));
  EXPECT_TRUE(glob_matches("[a-cx]", "x"));
  EXPECT_TRUE(glob_matches("[]]", "]"));
  EXPECT_TRUE(glob_matches("[a-]", "-"));
}

TEST(Glob, WhatIsNoPattern) {
  EXPECT_FALSE(is_glob(""));
  EXPECT_FALSE(is_glob("conv[0-9"));
  EXPECT_FALSE(is_glob("conv[]"));
  EXPECT_FALSE(is_glob("conv[!]"));
  EXPECT_TRUE(is_glob("conv]"));
  EXPECT_TRUE(is_glob("*"));
}

// A backtracking matcher would need 2^30 steps.
TEST(Glob, ManyStarsCostLittle) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(1000, 'a')));
}

}  // namespace
}  // namespace quant
