// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/graph/integer_attributes.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/qdq_activation.h"
#include "quant/onnx/qdq_exact.h"
#include "quant/onnx/qdq_opset.h"
#include "quant/onnx/qdq_weighted.h"

namespace quant {
namespace {

class LayerWriter {
 public:
  LayerWriter(const QdqContext& context, const Node& node)
      : context_(context), node_(node), values_(context.values) {}

  Status write() {
    if (context_.exact) {
      QUANT_TRY_ASSIGN(const bool written, write_exact_layer(context_, node_));
      if (written) return {};
    }
    switch (node_.op) {
      case OpKind::kConv:
      case OpKind::kConvTranspose:
      case OpKind::kGemm:
        return write_weighted_layer(context_, node_);
      case OpKind::kLookup:
        return lookup();
      case OpKind::kRequantize:
        values_.quantize(node_.outputs[0], values_.real(node_.inputs[0]));
        return {};
      case OpKind::kResize:
        return node_.attributes.text("mode", "nearest") != "nearest" && keeps_parameters()
                   ? operator_on_steps()
                   : float_operator();
      case OpKind::kAveragePool:
        return keeps_parameters() ? operator_on_steps() : float_operator();
      // Its second input is a table of exponentials that only the emulator reads.
      case OpKind::kSoftmax:
        return float_operator(1);
      case OpKind::kMatMul:
      case OpKind::kAdd:
      case OpKind::kSub:
      case OpKind::kMul:
      case OpKind::kDiv:
      case OpKind::kPRelu:
      case OpKind::kMaxPool:
      case OpKind::kGlobalAveragePool:
      case OpKind::kGlobalMaxPool:
      case OpKind::kReduceMean:
      case OpKind::kReduceSum:
      case OpKind::kReduceMax:
      case OpKind::kReduceMin:
      case OpKind::kInstanceNormalization:
      case OpKind::kLayerNormalization:
      case OpKind::kConcat:
      case OpKind::kIdentity:
      case OpKind::kReshape:
      case OpKind::kFlatten:
      case OpKind::kSqueeze:
      case OpKind::kUnsqueeze:
      case OpKind::kTranspose:
      case OpKind::kSlice:
      case OpKind::kSplit:
      case OpKind::kGather:
      case OpKind::kPad:
      case OpKind::kDepthToSpace:
      case OpKind::kSpaceToDepth:
        return float_operator();
      // Whatever else stands in an integer graph was made by a version that knows more.
      default:
        return fail(ErrorCode::kUnsupported,
                    fmt::format("{} has no form with QuantizeLinear", to_string(node_.op)));
    }
  }

 private:
  const Value& input(std::size_t index) const { return context_.graph.value(node_.inputs[index]); }

  // The operator itself, on real values. Inputs from `most_inputs` on are left out.
  Status float_operator(std::size_t most_inputs = ~std::size_t{0}) {
    Node node = in_opset(context_.graph, node_, context_.opset);
    node.inputs.resize(std::min(node.inputs.size(), most_inputs));
    std::vector<std::string> inputs;
    for (const ValueId id : node.inputs) {
      const bool quantized = id != kNoValue && context_.graph.value(id).quant.has_value();
      inputs.push_back(quantized ? values_.real(id) : values_.plain(id));
    }
    std::vector<std::string> computed;
    for (const ValueId id : node.outputs)
      computed.push_back(id == kNoValue ? std::string() : values_.computed(id));
    context_.out.add_node(to_string(node.op), node.name, inputs, computed,
                          without_integer_attributes(node.attributes));
    computed[0] = add_activation(context_, node_, computed[0], false);
    for (std::size_t i = 0; i < computed.size(); ++i) {
      if (node.outputs[i] != kNoValue) values_.quantize(node.outputs[i], computed[i]);
    }
    return {};
  }

  bool keeps_parameters() const {
    const auto& from = input(0).quant;
    const auto& to = context_.graph.value(node_.outputs[0]).quant;
    return from && to && from->scale == to->scale && from->zero_point == to->zero_point;
  }

  // Interpolation and averages between integers of equal parameters meet ties all the time. In
  // units of the scale they are exact, as they are in the emulator; multiplied by it they are not.
  Status operator_on_steps() {
    const Node node = in_opset(context_.graph, node_, context_.opset);
    std::vector<std::string> inputs = {values_.steps(node.inputs[0])};
    for (std::size_t i = 1; i < node.inputs.size(); ++i)
      inputs.push_back(values_.plain(node.inputs[i]));
    const std::string computed = values_.computed(node.outputs[0]);
    context_.out.add_node(to_string(node.op), node.name, inputs, {computed}, node.attributes);
    values_.quantize_steps(node.outputs[0], computed);
    return {};
  }

  // The table's own integers: exact on every runtime.
  Status lookup() {
    if (node_.inputs.size() != 2 || node_.inputs[1] == kNoValue || !input(1).constant)
      return fail(ErrorCode::kInvalidData, "has no table");
    const std::string index = context_.out.derive(node_.name, "_index");
    Attributes to;
    to.set("to", onnx_type_of(DataType::kInt32));
    context_.out.add_node("Cast", node_.name + "/Cast", {values_.quantized(node_.inputs[0])},
                          {index}, to);
    const std::string table = context_.out.derive(node_.name, "_table");
    context_.out.add_constant(table, *input(1).constant);
    context_.out.add_node("Gather", node_.name, {table, index},
                          {values_.quantized(node_.outputs[0])});
    return {};
  }

  const QdqContext& context_;
  const Node& node_;
  QdqValues& values_;
};

}  // namespace

Status write_qdq_layer(const QdqContext& context, const Node& node) {
  return LayerWriter(context, node).write();
}

}  // namespace quant
