// SPDX-License-Identifier: MIT
#include "quant/optimize/frame_variation.h"

#include <gtest/gtest.h>

namespace quant::tuning {
namespace {

at::Tensor ramp(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return at::arange(channels * height * width, at::kFloat)
      .remainder(256)
      .reshape({1, channels, height, width});
}

void expect_pixels(const at::Tensor& frame) {
  EXPECT_TRUE(frame.is_contiguous());
  EXPECT_TRUE(at::equal(frame, frame.round()));
  EXPECT_GE(frame.min().item<float>(), 0);
  EXPECT_LE(frame.max().item<float>(), 255);
}

TEST(FrameVariation, IsAFrameAgainAndTheSameForTheSameSeed) {
  const at::Tensor frame = ramp(3, 9, 14);
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    Random random(seed);
    Random same(seed);
    const at::Tensor varied = vary_frame(frame, random);
    EXPECT_EQ(varied.sizes(), frame.sizes());
    expect_pixels(varied);
    EXPECT_TRUE(at::equal(varied, vary_frame(frame, same)));
    EXPECT_FALSE(at::equal(varied, vary_frame(frame, random)));
  }
}

// Furthest value from the mean, in standard deviations.
double reach(const at::Tensor& frame) {
  const at::Tensor centred = frame - frame.mean();
  return (centred.abs().max() / centred.square().mean().sqrt()).item<double>();
}

TEST(FrameVariation, BringsValuesFarFromTheMeanOfTheirFrame) {
  // Parts of it, and any light that is the same everywhere, reach less than 1.9.
  const at::Tensor frame =
      at::arange(256, at::kFloat).reshape({1, 1, 1, 256}).expand({1, 1, 64, 256});
  Random random(1);
  int far = 0;
  for (int i = 0; i < 200; ++i) far += reach(vary_frame(frame, random)) > 2 ? 1 : 0;
  EXPECT_GT(far, 20);
}

}  // namespace
}  // namespace quant::tuning
