// SPDX-License-Identifier: MIT
// Which nodes of a float graph have an integer form, and of what kind. What lowering can do stands
// here, once.
#pragma once

#include <cstdint>

#include "quant/graph/graph.h"

namespace quant {

enum class IntegerForm {
  kNone,       // float only: runs on the host
  kWeighted,   // Conv, ConvTranspose, Gemm, MatMul by constants: int8 weights, int32 accumulator
  kComputed,   // other arithmetic with an output range of its own: Add, Softmax, AveragePool,
               // Concat, …
  kPointwise,  // a function of one element: becomes a lookup table
  kMovement,   // the same integers elsewhere: Reshape, Transpose, Slice, MaxPool, …; shares its
               // input's parameters
};

// Looks at the node alone: operator, constants, shapes, attributes.
IntegerForm integer_form(const Graph& graph, const Node& node);

// The inputs that are no constants, in order, kNoValue left out.
std::vector<ValueId> activation_inputs(const Graph& graph, const Node& node);
// Whether `id` is a float32 constant of one element.
bool is_scalar_constant(const Graph& graph, ValueId id);
// Whether `id` is a float32 constant that varies along the channel axis (1) of a rank-4 tensor of
// `channels`, or not at all.
bool is_channel_constant(const Graph& graph, ValueId id, std::int64_t channels);

}  // namespace quant
