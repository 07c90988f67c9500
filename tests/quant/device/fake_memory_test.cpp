// SPDX-License-Identifier: MIT
#include "quant/device/fake_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/device/counting_network.h"

namespace quant::testing {
namespace {

TEST(FakeNoise, HasTheVarianceThatWasAskedFor) {
  constexpr int kDraws = 200000;
  for (const double variance : {0.0, 0.1, 0.5, 1.0, 2.5, 9.0}) {
    FakeRandom random(5);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const int draw = draw_noise(random, variance);
      sum += draw;
      squares += draw * draw;
    }
    EXPECT_NEAR(sum / kDraws, 0, 0.03) << variance;
    EXPECT_NEAR(squares / kDraws, variance, 0.02 * variance) << variance;
  }
}

// Whoever reads padding shall find something there, and something else in the next frame.
TEST(FakeMemory, HoldsGarbageWhereNothingLies) {
  const DeviceLayout own = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 3, 1);
  DeviceLayout padded = own;
  padded.padded_width = 64;
  const std::vector<std::byte> source(6, std::byte{9});
  std::vector<std::byte> first(byte_count(padded));
  std::vector<std::byte> second(byte_count(padded));
  FakeRandom random(3);
  write_fake_memory(source, own, first, padded, random);
  write_fake_memory(source, own, second, padded, random);
  const auto strides = strides_of(padded);
  std::size_t equal = 0;
  for (std::int64_t h = 0; h < 2; ++h) {
    for (std::int64_t w = 0; w < 64; ++w) {
      const auto at = static_cast<std::size_t>(strides.offset(h, w, 0));
      if (w < 3) {
        EXPECT_EQ(first[at], std::byte{9});
      } else {
        equal += first[at] == second[at];
      }
    }
  }
  EXPECT_LT(equal, 10U);
}

// Outputs of one device for one frame, run after run.
std::vector<std::vector<std::uint8_t>> runs(const std::string& options, int count) {
  auto session = *DeviceSession::open(counting_driver(*parse_fake_options(options)), {});
  std::vector<std::vector<std::uint8_t>> results;
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(session->submit(counting_input(100)));
    const auto outputs = session->next();
    const auto values = (*outputs)[0].data<std::uint8_t>();
    // Dense: what follows the elements is rounding to eight bytes.
    results.emplace_back(values.begin(), values.begin() + 30);
  }
  return results;
}

TEST(FakeDevice, IsTheSameForTheSameSeed) {
  EXPECT_EQ(runs("align=1,seed=4,noise=1,jitter=1", 5), runs("align=1,seed=4,noise=1,jitter=1", 5));
  EXPECT_NE(runs("align=1,seed=4,noise=1", 1), runs("align=1,seed=5,noise=1", 1));
}

TEST(FakeDevice, NoiseBelongsToTheFrameAndJitterToTheRun) {
  const auto noisy = runs("align=1,noise=1", 6);
  const auto exact = runs("align=1", 1);
  EXPECT_NE(noisy[0], exact[0]);
  for (const auto& run : noisy) EXPECT_EQ(run, noisy[0]);
  const auto unsteady = runs("align=1,jitter=0.5", 6);
  EXPECT_TRUE(std::any_of(unsteady.begin(), unsteady.end(),
                          [&](const auto& run) { return run != unsteady[0]; }));
}

TEST(FakeDevice, SaysAFrameIsRoundedUpToEightBytes) {
  auto session = *DeviceSession::open(counting_driver(*parse_fake_options("align=1")), {});
  EXPECT_EQ(session->outputs()[0].frame_bytes, 32U);
}

}  // namespace
}  // namespace quant::testing
