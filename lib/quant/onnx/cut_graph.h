// SPDX-License-Identifier: MIT
// A part of an ONNX model as a model of its own: cut at tensors that the user names. Made in the
// file itself, so that every context sees the same network.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {

// All outputs of the named nodes, or the named tensors, become the graph's outputs, in this order.
// Nodes behind go, and inputs that only they read. An unnamed node goes by its first output. No
// names: nothing is cut. NotFound names what the graph does not have.
Status cut_at_end(onnx::GraphProto& graph, const std::vector<std::string>& end_nodes);

// The named tensors, or all outputs of the named nodes, become inputs, with the type and shape that
// they have where `read` says what the inputs so far are. What only made them goes, so do inputs
// that nobody reads any more and their entries of `read.input_shapes`; the end is cut as
// `read.end_nodes` says. No names: the model as it is. Errors of the reader; NotFound as above.
Result<std::vector<std::byte>> cut_at_start(std::vector<std::byte> model,
                                            const std::vector<std::string>& start_nodes,
                                            OnnxReadOptions& read);

}  // namespace quant
