// SPDX-License-Identifier: MIT
// The window pools the last N frames and forgets the others completely.
#include "quant/metrics/window.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quant {
namespace {

OutputError frame(float reference, float test) {
  OutputError error;
  error.add(std::span(&reference, 1), std::span(&test, 1));
  return error;
}

TEST(ErrorWindow, EmptyIsUndefined) {
  const ErrorWindow window(3);
  EXPECT_EQ(window.frames(), 0u);
  EXPECT_EQ(window.pooled().snr().state, SnrState::kUndefined);
}

TEST(ErrorWindow, PoolsEnergiesOfTheLastFrames) {
  ErrorWindow window(2);
  window.push(frame(1000, 0));  // leaves again
  window.push(frame(10, 9));
  window.push(frame(2, 0));
  EXPECT_EQ(window.frames(), 2u);
  EXPECT_DOUBLE_EQ(window.pooled().snr().db, 10 * std::log10(104.0 / 5.0));
  EXPECT_DOUBLE_EQ(window.pooled().max_abs, 2);
  window.push(frame(3, 3));
  window.push(frame(3, 3));
  // Nothing of the noisy frames is left, not even a rounding error.
  EXPECT_EQ(window.pooled().snr().state, SnrState::kExact);
}

TEST(ErrorWindow, NanLeavesWithItsFrame) {
  ErrorWindow window(1);
  window.push(frame(std::nanf(""), 1));
  EXPECT_EQ(window.pooled().snr().reason, SnrReason::kNonFinite);
  window.push(frame(10, 9));
  EXPECT_DOUBLE_EQ(window.pooled().snr().db, 20);
}

TEST(ErrorWindow, ClearForgets) {
  ErrorWindow window(3);
  for (int i = 0; i < 5; ++i) window.push(frame(1, 0));
  window.clear();
  EXPECT_EQ(window.frames(), 0u);
  window.push(frame(10, 9));
  EXPECT_EQ(window.frames(), 1u);
  EXPECT_DOUBLE_EQ(window.pooled().snr().db, 20);
}

}  // namespace
}  // namespace quant
