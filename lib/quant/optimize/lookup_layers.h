// SPDX-License-Identifier: MIT
// Layers of the integer graph that are tables: functions of one element, and changes of parameters
// that are asked for.
#pragma once

#include <span>
#include <string>

#include "quant/graph/graph.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// An activation of the integer graph.
ValueId add_activation(Graph& integer, std::string name, Shape shape, const QuantParams& params);

// `to` = table[`from`]; the table gets the parameters of `to`. The caller appends the node.
Node lookup_layer(Graph& integer, std::string name, ValueId from, ValueId to, Tensor table);

// Appends `movement`, which reads integers under `input`, with a table behind each output, which
// brings it under its own parameters. An Identity is the table alone.
void append_changed_movement(Graph& integer, Node movement, const QuantParams& input);

// Appends what makes `layer.outputs[0]` of the `frame`: one table, or where channels differ a Split
// (1, C, H, W), a table for each channel and a Concat. `layer` gives names; `tables` has one entry
// a channel.
void append_frame_tables(Graph& integer, Node layer, ValueId frame, std::span<const Tensor> tables);

}  // namespace quant
