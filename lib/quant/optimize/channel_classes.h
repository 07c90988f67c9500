// SPDX-License-Identifier: MIT
// Which channels of which activations can be scaled without changing the network, and which of
// them only together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Of a channel whose scale cannot change.
inline constexpr std::int32_t kFixedScale = -1;

// Channels of one class have one scale. Only convolutions make and read them, so that their weights
// can take the scale back; between them stands nothing but what passes a positive scale of a
// channel on: ReLU, leaky ReLU, pooling, resizing, sums and differences of two activations, and
// what moves or joins whole channels (concatenation, slices, channel shuffles).
struct ChannelClasses {
  std::size_t count = 0;
  // By ValueId: the class (0, 1, … count − 1) or kFixedScale of each channel (axis 1 of four).
  // Empty for all others, and where all channels are fixed.
  std::vector<std::vector<std::int32_t>> of;
};

// Of a channel with this class: 1 where it is fixed.
inline double scale_of(std::span<const double> scale, std::int32_t label) {
  return label == kFixedScale ? 1.0 : scale[static_cast<std::size_t>(label)];
}

// Values in `untouched` keep their scale. Classes are numbered in the order of their first
// channels, by ValueId.
ChannelClasses channel_classes(const Graph& graph, const std::vector<ValueId>& untouched);

// A convolution over two spatial axes whose weights and bias are constants.
bool is_plain_convolution(const Graph& graph, const Node& node);

}  // namespace quant
