// SPDX-License-Identifier: MIT
// From a model that is quantized already to its float network, with what the file says of integers
// kept beside it.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// Whether the file has quantization operators, or constants that were stored as integers.
bool is_quantized(const Graph& graph);

// Takes QuantizeLinear, DequantizeLinear, QLinearConv, QLinearMatMul and the movement of integers
// between them out of `graph`. What stays computes real values; Value::quant has the parameters
// under which each shall become integers: activations uint8 or uint16 (signed ones shifted),
// constants as they are stored. Then
// - a tensor that is quantized a second time, with other parameters, goes through an Identity;
// - integers that are dequantized with other parameters than they were made with become another
//   tensor under these; they may have one for each channel;
// - integers that are looked up in a table with an entry for each (Cast, Gather) are a Lookup;
// - integers that something else reads, or that the network puts out, are made by QuantizeLinear;
// - all readers of a tensor that is quantized read the integers, also those that read it before.
// ValueIds change.
//
// Errors name the node: an activation quantized with one scale per channel, a scale that is no
// positive number.
Status lift_quantization(Graph& graph);

}  // namespace quant
