// SPDX-License-Identifier: MIT
// Edits of the ONNX messages. Nothing here looks into an operator: what the runtime computes is all
// its own.
#include "quant/backend/foreign_model.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <set>

#include "quant/onnx/cut_graph.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/embed_external_data.h"
#include "quant/onnx/input_shapes.h"

namespace quant {
namespace {

// From this version on, initializers need not be listed as inputs; before, runtimes insist on it.
constexpr std::int64_t kIrVersionWithFreeInitializers = 4;

Result<onnx::ModelProto> parse(std::span<const std::byte> bytes) {
  onnx::ModelProto model;
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph())
    return fail(ErrorCode::kInvalidData, "this is no ONNX model, or it is damaged");
  return model;
}

std::set<std::string> initializer_names(const onnx::GraphProto& graph) {
  std::set<std::string> names;
  for (const auto& initializer : graph.initializer()) names.insert(initializer.name());
  for (const auto& initializer : graph.sparse_initializer())
    names.insert(initializer.values().name());
  return names;
}

void drop_initializers_from_inputs(onnx::ModelProto& model) {
  if (model.ir_version() < kIrVersionWithFreeInitializers) return;
  onnx::GraphProto& graph = *model.mutable_graph();
  const std::set<std::string> constants = initializer_names(graph);
  auto* inputs = graph.mutable_input();
  for (int i = inputs->size() - 1; i >= 0; --i)
    if (constants.contains(inputs->Get(i).name())) inputs->DeleteSubrange(i, 1);
}

Status check_input_names(const onnx::GraphProto& graph, const std::map<std::string, Shape>& given) {
  const std::set<std::string> constants = initializer_names(graph);
  for (const auto& [name, shape] : given) {
    const auto is_wanted = [&wanted = name](const onnx::ValueInfoProto& input) {
      return input.name() == wanted;
    };
    const bool known = !constants.contains(name) &&
                       std::any_of(graph.input().begin(), graph.input().end(), is_wanted);
    if (!known)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--input-shape {}: the model has no such input", name));
  }
  return {};
}

Result<std::vector<TensorInfo>> fix_inputs(onnx::GraphProto& graph, const ReferenceModel& model) {
  const std::set<std::string> constants = initializer_names(graph);
  std::vector<onnx::ValueInfoProto*> protos;
  for (auto& input : *graph.mutable_input())
    if (!constants.contains(input.name())) protos.push_back(&input);
  OnnxReadOptions options;
  options.input_shapes = model.input_shapes;
  QUANT_TRY_ASSIGN(const std::vector<Value> values,
                   resolve_inputs({protos.begin(), protos.end()}, options));
  std::vector<TensorInfo> inputs;
  for (std::size_t i = 0; i < protos.size(); ++i) {
    inputs.push_back({values[i].name, values[i].type, values[i].shape});
    auto* dims = protos[i]->mutable_type()->mutable_tensor_type()->mutable_shape();
    dims->clear_dim();
    for (std::int64_t size : values[i].shape) dims->add_dim()->set_dim_value(size);
  }
  return inputs;
}

void declare_outputs(onnx::GraphProto& graph, const std::vector<TensorInfo>& declared) {
  for (auto& output : *graph.mutable_output())
    for (const TensorInfo& info : declared) {
      if (info.name != output.name()) continue;
      auto& type = *output.mutable_type()->mutable_tensor_type();
      type.set_elem_type(static_cast<std::int32_t>(onnx_type_of(info.type)));
      type.mutable_shape()->clear_dim();
      for (const std::int64_t size : info.shape)
        type.mutable_shape()->add_dim()->set_dim_value(size);
    }
}

}  // namespace

Result<ForeignModel> make_foreign_model(const ReferenceModel& model,
                                        const std::vector<TensorInfo>& declared) {
  QUANT_TRY_ASSIGN(onnx::ModelProto proto, parse(model.onnx));
  onnx::GraphProto& graph = *proto.mutable_graph();
  QUANT_TRY(check_input_names(graph, model.input_shapes));
  drop_initializers_from_inputs(proto);
  ForeignModel foreign;
  QUANT_TRY(cut_at_end(graph, model.end_nodes));
  declare_outputs(graph, declared);
  QUANT_TRY_ASSIGN(foreign.inputs, fix_inputs(graph, model));
  QUANT_TRY(embed_external_data(graph, model.external_data_dir));
  for (const auto& output : graph.output()) foreign.outputs.push_back(output.name());
  if (!proto.SerializeToString(&foreign.bytes))
    return fail(ErrorCode::kOutOfRange, "the model with its external data passes 2 GiB");
  return foreign;
}

}  // namespace quant
