// SPDX-License-Identifier: MIT
// A model made ready for a runtime that is not ours: the same ONNX file with its input shapes
// fixed, cut at the end nodes, weights of other files brought in, and initializers no longer listed
// as inputs.
#pragma once

#include <string>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/backend/reference.h"
#include "quant/base/result.h"

namespace quant {

struct ForeignModel {
  std::string bytes;  // a serialized ModelProto
  std::vector<TensorInfo>
      inputs;  // without initializers; shapes are static, float16 shown as float32
  std::vector<std::string> outputs;  // names, in the model's order (with end nodes: theirs)
};

// `declared` gives outputs a type and shape by name, for runtimes that insist on them; others infer
// their own. InvalidData where the bytes are no ONNX model, NotFound where an end node does not
// exist; open input shapes are fixed, and refused, as in our reader.
Result<ForeignModel> make_foreign_model(const ReferenceModel& model,
                                        const std::vector<TensorInfo>& declared = {});

}  // namespace quant
