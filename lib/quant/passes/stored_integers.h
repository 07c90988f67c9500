// SPDX-License-Identifier: MIT
// What the quantization operators of a file read, as real values and parameters.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/graph/graph.h"

namespace quant {

// Parameters of an activation that the file stores as `type`, from the constants `scale` and
// `zero_point` (kNoValue: 0), in the integer graph's form: signed types shifted. InvalidData where
// a scale is no positive number.
Result<QuantParams> stored_params(const Graph& graph, ValueId scale, ValueId zero_point,
                                  DataType type);

// Unsupported where there is more than one scale.
Status check_whole(const QuantParams& params);

// Adds the constant that inputs `index` (integers), `index` + 1 (scale) and `index` + 2 (zero
// point, may be absent) of `node` stand for; Value::quant says of what integers.
Result<ValueId> add_real_constant(Graph& graph, const Node& node, std::size_t index,
                                  std::int64_t axis);

// The same for the bias of a QLinearConv, whose scale is that of its input by those of its weights.
ValueId add_real_bias(Graph& graph, const Node& node);

// Appends what makes `output` of `real`: the same integers under `params`, by multiplication and
// addition. `names` of the ONNX nodes.
void append_reinterpretation(Graph& graph, ValueId real, ValueId output, QuantParams params,
                             std::vector<std::string> names);

}  // namespace quant
