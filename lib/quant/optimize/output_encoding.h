// SPDX-License-Identifier: MIT
// Outputs of the network with a scale and a zero point for each channel: boxes beside scores, or
// channels of unlike size, need not share one range. Only layers with weights make such tensors,
// since their multipliers are per channel anyway.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/observer.h"

namespace quant {

// Ids are those of the float graph.
struct OutputEncoding {
  // Which channel of the output the indices along `axis` of a tensor belong to. One entry: all of
  // them to one channel.
  struct Carrier {
    int axis = 0;
    std::vector<int> channels;
    bool operator==(const Carrier&) const = default;
  };

  ValueId output = kNoValue;
  int axis = 0;               // of the output's channels
  std::vector<Range> ranges;  // by channel
  // The output and every tensor between it and the layers that make it, after fusing.
  std::map<ValueId, Carrier> carriers;
  bool operator==(const OutputEncoding&) const = default;
};

struct OutputEncodings {
  std::vector<OutputEncoding> found;  // without ranges
  // Of the other raw outputs with several channels: why not.
  std::map<ValueId, std::string> refused;
};

// Looks at every tensor that leaves the integer part of `graph` (fp-optimized). One can have a
// scale per channel where layers with weights make it, directly or through reshapes, transposes and
// concatenations that keep channels apart, and nothing else reads what lies between. Errors of
// partition().
Result<OutputEncodings> find_output_encodings(const Graph& graph);

// Whether the layers of `graph`, fused and with changes of precision in place, still are those that
// `encoding` was found for. `bits` of every value.
bool is_carried(const Graph& graph, const OutputEncoding& encoding, const std::vector<int>& bits);

// Of a carrier of `encoding`: one scale and zero point for each of its indices.
QuantParams encoded_params(const OutputEncoding& encoding, const OutputEncoding::Carrier& carrier,
                           DataType type);

// Ranges of channels by what was seen of each: {0, 0} before anything was. Few values (a vector has
// one a frame) do not reach the ends of what there is: as many as were seen of a uniform
// distribution end 1 / (n − 1) of their width before it does, and so much is added.
class ChannelExtremes {
 public:
  ChannelExtremes(const Shape& shape, int axis);
  // `values` are those of a tensor of `shape`, row-major.
  void observe(std::span<const float> values);
  std::vector<Range> ranges() const;

 private:
  std::size_t inner_;
  std::size_t seen_ = 0;  // of each channel
  std::vector<MinMaxObserver> channels_;
};

}  // namespace quant
