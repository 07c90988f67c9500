// SPDX-License-Identifier: MIT
// The input tensor that quantnormalize hung on a frame.
#pragma once

#include <gst/gst.h>

#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant::element {

// uint8 (1, H, W, C), mapped as long as it lives. NotFound where the frame carries none,
// InvalidArgument where it is another model's.
Result<Tensor> find_input(const Model& model, GstBuffer* buffer);

}  // namespace quant::element
