// SPDX-License-Identifier: MIT
// A parsed ONNX model as a graph. onnx_reader.h without files and bytes.
#pragma once

#include <onnx/onnx_pb.h>

#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {

Result<Graph> convert_model(const onnx::ModelProto& model, const OnnxReadOptions& options);

}  // namespace quant
