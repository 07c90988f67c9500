// SPDX-License-Identifier: MIT
// Sums over one layer's output, channel by channel, from which layer_noise.h makes its figures.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "quant/analyze/channel_layout.h"
#include "quant/analyze/layer_noise.h"

namespace quant {

// Over all frames. One thread.
class LayerChannels {
 public:
  // `low_counts` and `high_counts`: whether integers at that end of the range are saturated.
  // `with_values`: whether finish() makes histogram and pairs.
  LayerChannels(const Shape& shape, QuantParams params, bool low_counts, bool high_counts,
                bool with_values);

  // Preconditions: both of the constructor's shape; `reference` float32, `quantized` uint8 or
  // uint16 as the parameters say, `test` its real values.
  void add(const Tensor& reference, const Tensor& quantized, const Tensor& test);

  // Fills in everything but names, inputs, channel_scaled, added_noise and at_outputs.
  void finish(LayerNoise& layer) const;

 private:
  struct Channel {
    std::int64_t count = 0;  // finite pairs
    float min = 0;           // of the reference
    float max = 0;
    std::uint32_t at_min = 0;  // integers there
    std::uint32_t at_max = 0;
    std::uint32_t lowest = 0;  // integers
    std::uint32_t highest = 0;
  };

  template <typename T>
  void add_values(const Tensor& reference, const Tensor& quantized, const Tensor& test);
  double saturation() const;
  double empty_range() const;
  std::vector<ValuePair> pairs() const;

  ChannelLayout layout_;
  QuantParams params_;
  bool low_counts_;
  bool high_counts_;
  bool with_values_;
  std::vector<Channel> channels_;
  OutputError error_;
  // Integers by their upper eight bits; those at the two ends exactly.
  std::array<std::int64_t, 256> histogram_{};
  std::int64_t at_low_ = 0;
  std::int64_t at_high_ = 0;
  std::int64_t integers_ = 0;
  StepHistogram native_;
  PairSample sample_;
};

}  // namespace quant
