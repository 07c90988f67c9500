// SPDX-License-Identifier: MIT
// Takes the place of onnxruntime_reference.cpp in builds without ONNX Runtime.
#include "quant/backend/onnxruntime_reference.h"

namespace quant {

bool onnxruntime_built_in() { return false; }

Result<std::unique_ptr<Backend>> make_onnxruntime_reference(const ReferenceModel& /*model*/,
                                                            const OnnxRuntimeOptions& /*options*/) {
  return fail(ErrorCode::kUnavailable,
              "this build has no ONNX Runtime; build with libonnxruntime-dev (Debian 13) or with "
              "-DGST_QUANT_ONNXRUNTIME_ROOT (tools/get-onnxruntime.sh)");
}

}  // namespace quant
