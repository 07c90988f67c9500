// SPDX-License-Identifier: MIT
// Layers without weights in the emulator's own arithmetic (docs/arithmetic.md), operation by
// operation, so that rounding has no room: QdqOptions::exact.
#pragma once

#include "quant/base/result.h"
#include "quant/onnx/qdq_context.h"

namespace quant {

// Adds the node, or gives false where the plain form is exact already or close enough to be left
// alone. Errors name no layer.
Result<bool> write_exact_layer(const QdqContext& context, const Node& node);

}  // namespace quant
