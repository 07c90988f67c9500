// SPDX-License-Identifier: MIT
// The weights and biases of an integer layer as real numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Of a Conv, ConvTranspose or Gemm as lower() makes it; refers to the graph. Weights are counted in
// the graph's own order: Conv (O, I/g, kh, kw), ConvTranspose (I, O/g, kh, kw), Gemm (N, K).
class IntegerWeights {
 public:
  IntegerWeights(const Graph& integer, const Node& layer);
  // Whether it is such a layer.
  static bool has(const Graph& integer, const Node& layer);

  std::size_t elements() const;
  std::size_t outputs() const { return outputs_; }
  double level(std::size_t index) const;
  std::size_t input_channel(std::size_t index) const;   // of a Conv or Gemm
  std::size_t output_channel(std::size_t index) const;  // of the scale, for a grouped ConvTranspose
  // One step of an output channel's weights, its input's scale included where input_scale() says
  // so.
  double step(std::size_t output) const;
  // The same of one weight: a multiple of its channel's, where groups have steps of their own.
  double step_of(std::size_t index) const;
  // What of the input's scale is inside a weight: 1 but where the input has a scale per channel.
  double input_scale(std::size_t index) const;
  double largest() const;  // integer: 7, 127 or 32767; 126 of 4-bit weights in groups

  // Real values, per input and output of real size.
  std::vector<float> weights() const;
  std::vector<double> bias() const;

 private:
  const Node* layer_;
  const Value* weights_;
  const Value* bias_;
  const QuantParams* input_;
  std::size_t outputs_;
  std::size_t kernel_ = 1;
  std::size_t inputs_ = 1;  // of a group
  std::size_t group_outputs_ = 1;
  std::vector<std::uint8_t> multiples_;  // by weight, where they lie in groups
};

}  // namespace quant
