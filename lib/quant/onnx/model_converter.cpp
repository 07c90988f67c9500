// SPDX-License-Identifier: MIT
#include "quant/onnx/model_converter.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "quant/onnx/constant_check.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/flat_model.h"
#include "quant/onnx/graph_builder.h"
#include "quant/onnx/input_shapes.h"
#include "quant/onnx/layer_names.h"
#include "quant/onnx/rewrite.h"
#include "quant/onnx/tensor_proto.h"
#include "quant/onnx/unsupported.h"

namespace quant {
namespace {

std::string context_of(const FlatNode& node) {
  return fmt::format("{} '{}'", node.op_type, node.name);
}

// The tensors where --end-node cuts the graph: all outputs of a named node, or a named tensor.
Result<std::vector<std::string>> end_tensors(const FlatModel& model,
                                             const std::vector<std::string>& end_nodes) {
  std::unordered_map<std::string, const FlatNode*> nodes;
  std::unordered_set<std::string> ambiguous;
  std::unordered_set<std::string> tensors;
  for (const FlatNode& node : model.nodes) {
    if (!nodes.emplace(node.name, &node).second) ambiguous.insert(node.name);
    tensors.insert(node.outputs.begin(), node.outputs.end());
  }
  std::vector<std::string> result;
  const auto add = [&](const std::string& tensor) {
    if (!tensor.empty() && std::find(result.begin(), result.end(), tensor) == result.end()) {
      result.push_back(tensor);
    }
  };
  for (const std::string& name : end_nodes) {
    if (tensors.contains(name)) {
      add(name);
    } else if (ambiguous.contains(name)) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("end node '{}': several nodes have this name; name the tensor instead",
                      name));
    } else if (const auto node = nodes.find(name); node != nodes.end()) {
      for (const std::string& output : node->second->outputs) add(output);
    } else {
      return fail(ErrorCode::kNotFound,
                  fmt::format("end node '{}': the model has no node or tensor of this name", name));
    }
  }
  return result;
}

class Converter {
 public:
  Converter(const onnx::ModelProto& model, const OnnxReadOptions& options)
      : model_(model), options_(options), flattener_(model), builder_(flattener_.names()) {}

  Result<Graph> convert() {
    QUANT_TRY_ASSIGN(FlatModel flat, flattener_.flatten());
    QUANT_TRY(check_input_names(flat));
    if (!options_.end_nodes.empty()) {
      QUANT_TRY_ASSIGN(flat.outputs, end_tensors(flat, options_.end_nodes));
    }
    if (flat.outputs.empty()) return fail(ErrorCode::kInvalidData, "the model has no outputs");
    const std::vector<std::string> outputs = flat.outputs;
    QUANT_TRY(sort_nodes(flat, outputs, [](const std::string&) { return false; }));
    QUANT_TRY(check_operators(flat.nodes));
    note_readers(flat);
    if (!options_.end_nodes.empty()) drop_unread_inputs(flat);
    QUANT_TRY_ASSIGN(std::vector<Value> inputs, resolve_inputs(flat.inputs, options_));
    for (Value& input : inputs) builder_.add_input(std::move(input));
    QUANT_TRY(add_nodes(flat));
    for (const std::string& output : outputs) QUANT_TRY(value_of(output));
    QUANT_TRY_ASSIGN(Graph graph, builder_.finish(outputs));
    graph.name = model_.graph().name();
    remove_unused(graph);
    QUANT_TRY(check_constants(graph));
    name_layers(graph);
    QUANT_TRY(verify(graph));
    return graph;
  }

 private:
  Status check_input_names(const FlatModel& flat) const {
    for (const auto& [name, shape] : options_.input_shapes) {
      std::vector<std::string> names;
      for (const auto* input : flat.inputs) names.push_back(input->name());
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--input-shape {}: the model has no such input (it has: {})", name,
                              fmt::join(names, ", ")));
    }
    return {};
  }

  void note_readers(const FlatModel& flat) {
    read_.insert(flat.outputs.begin(), flat.outputs.end());
    for (const FlatNode& node : flat.nodes) {
      read_.insert(node.inputs.begin(), node.inputs.end());
      read_.insert(node.captured.begin(), node.captured.end());
    }
    for (const auto& [name, proto] : flat.initializers) initializers_.emplace(name, proto);
    for (const auto& [name, proto] : flat.sparse_initializers) sparse_.emplace(name, proto);
  }

  void drop_unread_inputs(FlatModel& flat) const {
    std::erase_if(flat.inputs, [&](const auto* input) { return !read_.contains(input->name()); });
  }

  Status add_nodes(const FlatModel& flat) {
    for (const FlatNode& node : flat.nodes) {
      if (auto status = add_node(node); !status) return status;
    }
    return {};
  }

  Status add_node(const FlatNode& node) {
    if (node.op_type == "If") return add_if(node);
    auto form = form_of(node);
    if (!form) return fail_with_context(std::move(form).error(), context_of(node));
    if (node.op_type == "Constant") {
      if (auto status = add_constant(*form); !status) {
        return fail_with_context(std::move(status).error(), context_of(node));
      }
      return {};
    }
    if (auto status = rewrite_to_current_opset(*form, builder_); !status) {
      return fail_with_context(std::move(status).error(), context_of(node));
    }
    if (form->same_as || form->op_type == "Identity") {
      const ValueId source = form->same_as.value_or(form->input(0));
      if (source == kNoValue || form->outputs.empty()) {
        return fail(ErrorCode::kInvalidData, "its input or output is missing", context_of(node));
      }
      builder_.bind(form->outputs.front(), source);
      return {};
    }
    const auto kind = onnx_op_kind(form->op_type);
    if (!kind)
      return fail(ErrorCode::kInternal, "an operator was rewritten to none", context_of(node));
    QUANT_TRY(builder_.add_node({*kind, form->name, std::move(form->inputs),
                                 std::move(form->outputs), std::move(form->attributes)}));
    return {};
  }

  Result<NodeForm> form_of(const FlatNode& node) {
    if (node.opset == 0) {
      return fail(ErrorCode::kInvalidData,
                  "the model does not say which opset its operators are from");
    }
    NodeForm form;
    form.op_type = qualified_name(node);
    form.name = node.name;
    form.opset = node.opset;
    for (const std::string& input : node.inputs) {
      if (input.empty()) {
        form.inputs.push_back(kNoValue);
        continue;
      }
      QUANT_TRY(check_four_bits(input, node.op_type));
      QUANT_TRY_ASSIGN(const ValueId id, value_of(input));
      form.inputs.push_back(id);
    }
    for (const std::string& output : node.outputs) {
      // How many outputs a Split has says what each of them is.
      const bool wanted = form.outputs.empty() || node.op_type == "Split" || read_.contains(output);
      form.outputs.push_back(wanted ? output : "");
    }
    QUANT_TRY_ASSIGN(form.attributes,
                     read_attributes(node.op_type, node.attributes, options_.external_data_dir));
    return form;
  }

  // As elements of 8 bits they would not end where 4 bits do.
  Status check_four_bits(const std::string& input, const std::string& op_type) const {
    const auto proto = initializers_.find(input);
    if (proto == initializers_.end() || !is_four_bits(proto->second->data_type()) ||
        op_type == "DequantizeLinear") {
      return {};
    }
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("reads '{}', which has elements of 4 bits: only DequantizeLinear may", input));
  }

  Status add_constant(const NodeForm& form) {
    if (form.outputs.empty()) return fail(ErrorCode::kInvalidData, "it has no output");
    for (const auto& [name, attribute] : form.attributes.all()) {
      if (!name.starts_with("value") && name != "sparse_value") continue;
      QUANT_TRY_ASSIGN(Tensor tensor, constant_of(attribute));
      QUANT_TRY(check_no_nan(form.outputs.front(), tensor));
      builder_.add_initializer(form.outputs.front(), std::move(tensor));
      return {};
    }
    return fail(ErrorCode::kInvalidData, "it has no value");
  }

  static Result<Tensor> constant_of(const Attribute& attribute) {
    if (const auto* tensor = std::get_if<Tensor>(&attribute)) return *tensor;
    if (const auto* number = std::get_if<float>(&attribute)) return Tensor::scalar(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&attribute))
      return Tensor::scalar(*integer);
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute)) {
      return int64_vector(*integers);
    }
    if (const auto* numbers = std::get_if<std::vector<float>>(&attribute)) {
      return Tensor::from<float>({static_cast<std::int64_t>(numbers->size())}, *numbers);
    }
    return fail(ErrorCode::kUnsupported, "text constants are not supported");
  }

  // A branch is written out where the condition is known by now.
  Status add_if(const FlatNode& node) {
    const auto failed = [&](ErrorCode code, const char* message) {
      return fail(code, message, context_of(node));
    };
    if (node.inputs.size() != 1) return failed(ErrorCode::kInvalidData, "it has no condition");
    QUANT_TRY_ASSIGN(const ValueId condition, value_of(node.inputs.front()));
    const Tensor* known = builder_.constant(condition);
    if (known == nullptr) {
      return failed(ErrorCode::kUnsupported,
                    "the condition depends on the input data; only conditions known beforehand are "
                    "supported");
    }
    if (known->type() != DataType::kBool || known->elements() != 1) {
      return failed(ErrorCode::kInvalidData, "the condition is no single bool");
    }
    const bool is_true = known->data<std::uint8_t>()[0] != 0;
    const auto branch = node.attributes.find(is_true ? "then_branch" : "else_branch");
    if (branch == node.attributes.end() || !branch->second->has_g()) {
      return failed(ErrorCode::kInvalidData, "a branch is missing");
    }
    auto flat = flattener_.flatten_subgraph(node, branch->second->g());
    if (!flat) return fail_with_context(std::move(flat).error(), context_of(node));
    if (flat->outputs.size() < node.outputs.size()) {
      return failed(ErrorCode::kInvalidData, "the branch has fewer outputs than the node");
    }
    const auto is_known = [&](const std::string& name) {
      return builder_.find(name) != kNoValue || initializers_.contains(name) ||
             sparse_.contains(name);
    };
    if (auto status = sort_nodes(*flat, flat->outputs, is_known); !status) {
      return fail_with_context(std::move(status).error(), context_of(node));
    }
    QUANT_TRY(check_operators(flat->nodes));
    note_readers(*flat);
    QUANT_TRY(add_nodes(*flat));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      QUANT_TRY_ASSIGN(const ValueId id, value_of(flat->outputs[i]));
      builder_.bind(node.outputs[i], id);
    }
    return {};
  }

  // The value under a tensor name; initializers are read when the first node asks for them.
  Result<ValueId> value_of(const std::string& name) {
    if (const ValueId id = builder_.find(name); id != kNoValue) return id;
    if (const auto proto = initializers_.find(name); proto != initializers_.end()) {
      QUANT_TRY_ASSIGN(Tensor tensor, read_tensor(*proto->second, options_.external_data_dir));
      return add_initializer(name, std::move(tensor));
    }
    if (const auto proto = sparse_.find(name); proto != sparse_.end()) {
      QUANT_TRY_ASSIGN(Tensor tensor,
                       read_sparse_tensor(*proto->second, options_.external_data_dir));
      return add_initializer(name, std::move(tensor));
    }
    return fail(ErrorCode::kInvalidData,
                fmt::format("nothing in the model makes the tensor '{}'", name));
  }

  Result<ValueId> add_initializer(const std::string& name, Tensor tensor) {
    QUANT_TRY(check_no_nan(name, tensor));
    return builder_.add_initializer(name, std::move(tensor));
  }

  const onnx::ModelProto& model_;
  const OnnxReadOptions& options_;
  Flattener flattener_;
  GraphBuilder builder_;
  std::unordered_set<std::string> read_;  // tensor names that a node or output needs
  std::unordered_map<std::string, const onnx::TensorProto*> initializers_;
  std::unordered_map<std::string, const onnx::SparseTensorProto*> sparse_;
};

}  // namespace

Result<Graph> convert_model(const onnx::ModelProto& model, const OnnxReadOptions& options) {
  return Converter(model, options).convert();
}

}  // namespace quant
