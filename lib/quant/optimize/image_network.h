// SPDX-License-Identifier: MIT
// A network with its normalization inside, before anything is said of its activations.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {

// read_fp_optimized (optimizer.h), where a quantized network keeps the quantizers that were found.
Result<Graph> read_optimized(std::span<const std::byte> onnx, const OnnxReadOptions& read,
                             InputSpec& input);

}  // namespace quant
