// SPDX-License-Identifier: MIT
// Small edits of an ONNX file that a model script asks for: made in the file itself, so that every
// context sees the same network.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// Puts the ONNX operator `op_type` ("Relu", "Sigmoid", "Tanh") behind each named output, which
// keeps its name. "Identity" takes an activation away instead: the node that makes the output must
// be one (Relu, LeakyRelu, Sigmoid, HardSigmoid, Tanh, Clip). NotFound names an output that is
// none.
Result<std::vector<std::byte>> change_output_activations(
    std::vector<std::byte> model, const std::map<std::string, std::string>& op_type_by_output);

// The named input takes frames with rows and columns swapped; the network behind it is as before.
Result<std::vector<std::byte>> transpose_input(std::vector<std::byte> model,
                                               const std::string& input);

}  // namespace quant
