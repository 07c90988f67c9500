// SPDX-License-Identifier: MIT
// Types and sizes of a model's inputs: what the file says, completed by what the user says.
#pragma once

#include <onnx/onnx_pb.h>

#include <vector>

#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {

// One value per input, in the model's order. A size that the file leaves open comes from
// options.input_shapes, for the first dimension else 1; a named size ("batch") given for one input
// holds for all. Otherwise InvalidArgument, showing the option to use (or -1 with
// options.allow_dynamic). A given shape that contradicts the file is an error too.
Result<std::vector<Value>> resolve_inputs(const std::vector<const onnx::ValueInfoProto*>& inputs,
                                          const OnnxReadOptions& options);

}  // namespace quant
