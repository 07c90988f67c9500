// SPDX-License-Identifier: MIT
// An ONNX model (opset 7 to 21; older where the operators allow) as a graph: the semantics of opset
// 21, local functions inlined, shape arithmetic folded, float16 widened, layers named.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

struct OnnxReadOptions {
  // Sizes that the model leaves open, by input name (command line: --input-shape name=1x3x320x320).
  std::map<std::string, Shape> input_shapes;
  // ONNX node or tensor names where the graph ends, in the order of the new outputs (--end-node).
  // Empty: the model's outputs.
  std::vector<std::string> end_nodes;
  // Where files with external weights lie; read_onnx_file takes the model's directory where it is
  // empty.
  std::filesystem::path external_data_dir;
  // Leaves open sizes at -1 instead of taking 1 for the batch and asking for the others.
  bool allow_dynamic = false;
};

// The graph is sorted, verified and has the shapes of all values; its name is the model's. Every
// error names the node, tensor or input; an unsupported operator comes with the list of all that
// are.
Result<Graph> read_onnx(std::span<const std::byte> model, const OnnxReadOptions& options = {});

// The same from a file: errors name the file too, the graph is named after it.
Result<Graph> read_onnx_file(const std::filesystem::path& path,
                             const OnnxReadOptions& options = {});

}  // namespace quant
