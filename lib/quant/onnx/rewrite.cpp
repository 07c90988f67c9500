// SPDX-License-Identifier: MIT
#include "quant/onnx/rewrite.h"

#include <onnx/onnx_pb.h>

#include <unordered_map>

#include "quant/onnx/element_type.h"
#include "quant/onnx/rewrite_rules.h"

namespace quant {
namespace {

using Apply = Status (*)(NodeForm&, GraphBuilder&);

const std::unordered_map<std::string_view, Apply>& rules() {
  static const auto* const table = [] {
    auto* result = new std::unordered_map<std::string_view, Apply>;
    for (const auto& family :
         {movement_rules(), arithmetic_rules(), network_rules(), quantized_rules()}) {
      for (const RewriteRule& rule : family) result->emplace(rule.op_type, rule.apply);
    }
    return result;
  }();
  return *table;
}

// Attributes that name an element type: there is no float16 in the graph.
Status widen_type_attributes(NodeForm& form) {
  for (const char* name : {"to", "dtype", "output_dtype"}) {
    const std::int64_t onnx_type = form.attributes.integer(name, onnx::TensorProto::UNDEFINED);
    if (onnx_type == onnx::TensorProto::UNDEFINED) continue;
    QUANT_TRY_ASSIGN(const DataType type, data_type_of_onnx(onnx_type));
    form.attributes.set(name, onnx_type_of(type));
  }
  return {};
}

}  // namespace

void NodeForm::set_input(std::size_t index, ValueId id) {
  if (inputs.size() <= index) inputs.resize(index + 1, kNoValue);
  inputs[index] = id;
}

bool is_rewritten(const std::string& op_type) { return rules().contains(op_type); }

std::string current_operator_name(const std::string& op_type) {
  if (op_type == "Upsample") return "Resize";
  if (op_type == "Scatter") return "ScatterElements";
  if (op_type == "CastLike") return "Cast";
  return op_type;
}

void attribute_to_input(NodeForm& form, GraphBuilder& builder, const std::string& attribute,
                        std::size_t index) {
  if (!form.attributes.has(attribute)) return;
  const auto values = form.attributes.integers(attribute);
  form.set_input(index, builder.add_constant(form.name + "/" + attribute, int64_vector(values)));
  form.attributes.erase(attribute);
}

Status rewrite_to_current_opset(NodeForm& form, GraphBuilder& builder) {
  // In-place hints of the very first versions.
  form.attributes.erase("consumed_inputs");
  const auto rule = rules().find(form.op_type);
  if (rule != rules().end()) QUANT_TRY(rule->second(form, builder));
  form.op_type = current_operator_name(form.op_type);
  return widen_type_attributes(form);
}

}  // namespace quant
