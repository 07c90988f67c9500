// SPDX-License-Identifier: MIT
// Tensors whose values say where they came from.
#include "quant/analyze/pair_sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace quant {
namespace {

struct Both {
  Tensor reference;
  Tensor quantized;
};

// 1 x channels x side x side; an element's float is 1000 · frame + position, its integer the
// channel.
Both frame(int number, std::int64_t channels, std::int64_t side) {
  const Shape shape = {1, channels, side, side};
  Both both = {Tensor(DataType::kFloat32, shape), Tensor(DataType::kUint16, shape)};
  const auto plane = static_cast<std::size_t>(side * side);
  for (std::size_t i = 0; i < static_cast<std::size_t>(channels) * plane; ++i) {
    both.reference.data<float>()[i] =
        static_cast<float>(1000 * number) + static_cast<float>(i % plane);
    both.quantized.data<std::uint16_t>()[i] = static_cast<std::uint16_t>(i / plane);
  }
  return both;
}

std::vector<ValuePair> sample(int frames, std::int64_t channels, std::int64_t side) {
  PairSample sample(ChannelLayout({1, channels, side, side}));
  for (int i = 0; i < frames; ++i) {
    const Both both = frame(i, channels, side);
    sample.add(both.reference, both.quantized);
  }
  // Wider from channel to channel.
  std::vector<std::optional<ChannelEnds>> ends;
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto integer = static_cast<std::uint32_t>(c);
    ends.push_back(ChannelEnds{{c, integer, -1}, {c, integer, static_cast<float>(c)}});
  }
  return sample.select(ends);
}

TEST(PairSample, PairsAreOfOneElement) {
  std::map<std::int64_t, int> of_channel;
  for (const ValuePair& pair : sample(3, 12, 20)) {
    EXPECT_EQ(pair.quantized, static_cast<std::uint32_t>(pair.channel));
    ++of_channel[pair.channel];
  }
  ASSERT_EQ(of_channel.size(), 12U);
  for (const auto& [channel, count] : of_channel) EXPECT_EQ(count, of_channel[0]) << channel;
}

TEST(PairSample, SpreadsOverFramesAndPositionsWithinItsBounds) {
  const std::vector<ValuePair> pairs = sample(300, 1, 30);
  ASSERT_GE(pairs.size(), 256U);
  EXPECT_LE(pairs.size(), PairSample::kMostPairs);
  std::set<int> frames;
  double position = 0;
  double number = 0;
  for (std::size_t i = 2; i < pairs.size(); ++i) {  // behind the two ends
    const int value = static_cast<int>(pairs[i].native);
    frames.insert(value / 1000);
    number += value / 1000;
    position += value % 1000;
  }
  const auto drawn = static_cast<double>(pairs.size() - 2);
  // A uniform choice of 300 and of 900; a mean of 256 is within 3 σ = 0.054 of the width.
  EXPECT_GT(frames.size(), 120U);
  EXPECT_NEAR(number / drawn, 149.5, 0.06 * 300);
  EXPECT_NEAR(position / drawn, 449.5, 0.06 * 900);
}

TEST(PairSample, OfManyChannelsTheWidestAreInFull) {
  const std::vector<ValuePair> pairs = sample(2, 1000, 5);
  EXPECT_LE(pairs.size(), PairSample::kMostPairs);
  EXPECT_GT(pairs.size(), 400U);
  EXPECT_EQ(pairs[0], (ValuePair{999, 999, -1}));
  EXPECT_EQ(pairs[1], (ValuePair{999, 999, 999}));
  std::map<std::int64_t, int> of_channel;
  for (const ValuePair& pair : pairs) ++of_channel[pair.channel];
  for (std::int64_t c = 992; c < 1000; ++c) EXPECT_GE(of_channel[c], 6) << c;
  // The others share what is left, all over the channels.
  EXPECT_GT(of_channel.size(), 400U);
  EXPECT_LT(of_channel.begin()->first, 10);
}

TEST(PairSample, FewPositionsAreAllTaken) {
  const std::vector<ValuePair> pairs = sample(2, 3, 2);
  EXPECT_EQ(pairs.size(), 3U * (2 + 2 * 4));
}

TEST(PairSample, IsTheSameEachTime) { EXPECT_EQ(sample(40, 7, 9), sample(40, 7, 9)); }

TEST(PairSample, ChannelsWithoutFiniteValuesAreAbsent) {
  Both both = frame(0, 2, 3);
  for (std::size_t i = 9; i < 18; ++i)
    both.reference.data<float>()[i] = std::numeric_limits<float>::infinity();
  PairSample sample(ChannelLayout({1, 2, 3, 3}));
  sample.add(both.reference, both.quantized);
  const std::vector<std::optional<ChannelEnds>> ends = {ChannelEnds{}, std::nullopt};
  for (const ValuePair& pair : sample.select(ends)) EXPECT_EQ(pair.channel, 0);
}

}  // namespace
}  // namespace quant
