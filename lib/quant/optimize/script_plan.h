// SPDX-License-Identifier: MIT
// What a model script comes to for one network: precision and weight scales of every layer, ranges
// that are given, and what of the script has no effect here.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/script/model_script.h"

namespace quant {

struct ScriptPlan {
  QuantizationPlan plan;
  std::map<ValueId, Range> forced;              // ranges that no calibration changes
  std::map<ValueId, Percentiles> percentiles;   // where the range shall be cut
  std::vector<std::size_t> equalized_products;  // nodes; those that can be (equalize_products.h)
  int encodes_outputs = 0;  // the line that wants a scale per channel of outputs; 0: none does
  // "line 3: bias_mode has no effect here: biases have 32 bits"
  std::vector<std::string> notes;
};

// `graph` is fp-optimized; selectors may name it by `scope`. Errors: selectors that match nothing,
// settings that a layer cannot have (all of them, with their lines).
Result<ScriptPlan> plan_script(const ModelScript& script, const Graph& graph,
                               const std::string& scope);

// Normalization and colour order of the script, as the network sees its input. InvalidArgument
// where it names several normalizations, or values that do not fit the input.
Status apply_input_settings(const ModelScript& script, InputSpec& input);

// What change_output_activation and transpose make of the file: the bytes that every context shall
// see. `graph` is the network as read, without its input normalization.
Result<std::vector<std::byte>> edit_model(const ModelScript& script, const Graph& graph,
                                          const std::string& scope, std::vector<std::byte> onnx);

}  // namespace quant
