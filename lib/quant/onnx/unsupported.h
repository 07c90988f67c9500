// SPDX-License-Identifier: MIT
// Which nodes of an ONNX model have no operator here: all of them in one error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/op_kind.h"
#include "quant/onnx/flat_model.h"

namespace quant {

// The operator of the graph under an ONNX name; our own operators are none of ONNX's.
std::optional<OpKind> onnx_op_kind(const std::string& op_type);

// Unsupported: names the first node and its operator, then every operator that is not supported
// with its count and its nodes. Decided before any shape is known.
Status check_operators(const std::vector<FlatNode>& nodes);

}  // namespace quant
