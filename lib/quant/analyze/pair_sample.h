// SPDX-License-Identifier: MIT
// A few float values of a layer beside what quantization made of them: enough for a scatter plot.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quant/analyze/channel_layout.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct ValuePair {
  std::int64_t channel = 0;
  std::uint32_t quantized = 0;  // integer
  float native = 0;
  bool operator==(const ValuePair&) const = default;
};

// The pairs at the least and at the greatest float value of a channel.
struct ChannelEnds {
  ValuePair lowest;
  ValuePair highest;
};

// Draws positions evenly over all frames, for each channel its own and equally many; the same
// frames give the same sample everywhere. Memory does not grow with the frames. One thread.
class PairSample {
 public:
  static constexpr std::size_t kMostPairs = 640;

  explicit PairSample(const ChannelLayout& layout);

  // Preconditions: both of the layout's size, float32 and uint8 or uint16. Non-finite values are
  // left out.
  void add(const Tensor& reference, const Tensor& quantized);

  // At most kMostPairs: of the channels with the widest range (all, where there are 64 and less)
  // the ends and everything drawn, widest first; of the others as many as there is room for, spread
  // evenly. `ends`: one a channel; none where it has no finite value.
  std::vector<ValuePair> select(std::span<const std::optional<ChannelEnds>> ends) const;

 private:
  struct Drawn {
    std::uint64_t draw = 0;
    ValuePair pair;
  };

  ChannelLayout layout_;
  std::size_t most_;                          // a channel
  std::uint64_t mask_ = 0;                    // which draws are kept
  std::uint64_t draws_ = 0;                   // made so far, a channel
  std::vector<std::vector<Drawn>> channels_;  // in the order of the draws
};

}  // namespace quant
