// SPDX-License-Identifier: MIT
// ONNX Runtime behind the Backend interface: the independent float reference, and a peer in
// benchmarks.
#pragma once

#include <memory>

#include "quant/backend/backend.h"
#include "quant/backend/reference.h"
#include "quant/base/result.h"

namespace quant {

enum class GraphOptimizations {
  kNone,  // every node as the file has it, so that the arithmetic is what ONNX says: a reference
  kAll,   // fused and reordered: a peer in a race, never golden data
};

struct OnnxRuntimeOptions {
  int threads = 1;
  GraphOptimizations optimizations = GraphOptimizations::kNone;
};

// Whether this library was built with ONNX Runtime.
bool onnxruntime_built_in();

// Unavailable where it was not built in, or where the library found at run time is older than the
// headers of the build; else the errors of make_foreign_model and of ONNX Runtime. Outputs whose
// size the data decides have -1 in outputs().
Result<std::unique_ptr<Backend>> make_onnxruntime_reference(const ReferenceModel& model,
                                                            const OnnxRuntimeOptions& options);

}  // namespace quant
