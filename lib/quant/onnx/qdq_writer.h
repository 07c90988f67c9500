// SPDX-License-Identifier: MIT
// A quantized model as an ONNX file with QuantizeLinear/DequantizeLinear pairs, which other
// runtimes and compilers read. docs/interchange.md says what is written how, and what differs.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/quantized_model.h"

namespace quant {

struct QdqOptions {
  // None: the oldest from 13 on that can say everything in the model. 4-bit weights are INT4, which
  // 21 has; where an older one is asked for, and where groups of them have steps of their own,
  // INT8.
  std::optional<int> opset;
  // Layers compute with integers in float32 and rescale by the emulator's own multipliers, so that
  // a runtime gets the emulator's bits. Compilers find no pattern to fuse there, so this is for
  // verification; without it, sums of float32 products fall on the other side of a tie now and
  // then.
  bool exact = false;
  // For the file's metadata, key to text.
  std::map<std::string, std::string> metadata;
};

struct QdqModel {
  std::vector<std::byte> onnx;  // a serialized ModelProto
  int opset = 0;
  std::size_t nodes = 0;
};

// Inputs and outputs are the original's: float32 (1, C, H, W), normalized, under its name, or the
// features; the outputs' names, types and order. InvalidArgument where options.opset is not between
// 13 and 21, Unsupported where it is too old or a layer has no such form (both name the layer),
// OutOfRange beyond protobuf's 2 GiB.
Result<QdqModel> write_qdq(const QuantizedModel& model, const QdqOptions& options);

}  // namespace quant
