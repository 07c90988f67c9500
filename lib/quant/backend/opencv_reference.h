// SPDX-License-Identifier: MIT
// OpenCV's DNN module behind the Backend interface: the independent float reference where ONNX
// Runtime is not.
#pragma once

#include <memory>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/backend/reference.h"
#include "quant/base/result.h"

namespace quant {

// `expected`: the outputs as the model has them. OpenCV has no types and forgets ranks, so its
// outputs are taken only when their element counts agree, and get these shapes. Unsupported where
// OpenCV cannot load or run the model, or gives something else. OpenCV's threads are one setting
// for the whole process: it is lowered to `threads` where it is higher, and never raised.
Result<std::unique_ptr<Backend>> make_opencv_reference(const ReferenceModel& model, int threads,
                                                       const std::vector<TensorInfo>& expected);

}  // namespace quant
