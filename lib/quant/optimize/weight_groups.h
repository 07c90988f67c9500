// SPDX-License-Identifier: MIT
// Weights of 4 bits whose steps differ along the input: within an output channel, groups of
// neighbouring input channels have steps of their own, whole multiples of the channel's scale. A
// 4-bit level times its multiple fits 8 bits, so kernels see 8-bit weights with one scale per
// output channel and sums stay what they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// 7 · 18 ≤ 127.
inline constexpr int kMostMultiple = 18;

// Where a layer's weights (the integer graph's order, lower.h) lie among its groups.
class WeightGroups {
 public:
  // `size` ≥ 1 input channels make a group, fewer the last of a channel.
  WeightGroups(OpKind op, const Attributes& attributes, const Shape& weights, std::int64_t size);
  std::size_t size() const { return size_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t per_output() const { return (inputs_ + size_ - 1) / size_; }
  std::size_t count() const { return outputs_ * per_output(); }
  std::size_t output(std::size_t weight) const;  // output channel
  std::size_t group(std::size_t weight) const;   // below count(), by output channel

 private:
  std::size_t position(std::size_t weight) const;  // of its input channel
  bool transposed_;
  std::size_t inputs_;   // that an output channel reads
  std::size_t outputs_;  // of the layer
  std::size_t row_;      // weights that differ in other than the first axis
  std::size_t kernel_;   // weights between one output channel and one input channel
  std::size_t size_;
};

// The groups that `plan` asks for: nothing but of 4-bit weights, and where an output channel has
// more than one.
std::optional<WeightGroups> planned_groups(const LayerPlan& plan, OpKind op,
                                           const Attributes& attributes, const Shape& weights);

// Scales as weight_params() chooses them for 4 bits, divided so that the largest step a group may
// need is kMostMultiple of them. Which weights that clips is left to the multiples.
QuantParams grouped_weight_params(const Tensor& weights, int axis, WeightScaling scaling);

// Of every group the multiple of its channel's scale that is its step, 1 to kMostMultiple: that of
// least square error where weights may be clipped for it (Clip::kMse), else the least that clips
// nothing, or as little as can be. uint8 (outputs, groups of an output).
Tensor choose_multiples(const Tensor& weights, const QuantParams& params,
                        const WeightGroups& groups, const WeightScaling& scaling);

// The real step of every weight of this shape: float32.
Tensor group_steps(const Shape& weights, const QuantParams& params, const WeightGroups& groups,
                   const Tensor& multiples);

// int8: the nearest level of ±7 times the multiple.
Tensor round_in_groups(const Tensor& weights, const QuantParams& params, const WeightGroups& groups,
                       const Tensor& multiples);

// The multiple of every weight of an integer layer (graph/integer_attributes.h), in their order;
// empty: no groups (or, in a file, none that make sense).
std::vector<std::uint8_t> weight_multiples(const Graph& integer, const Node& layer);

}  // namespace quant
