// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/base/version.h"
#include "quant/onnx/qdq_graph.h"
#include "quant/onnx/qdq_host_part.h"
#include "quant/onnx/qdq_layers.h"
#include "quant/onnx/qdq_opset.h"
#include "quant/onnx/qdq_values.h"

namespace quant {
namespace {

// The version of the file format that came with an opset.
int ir_version(int opset) {
  if (opset <= 14) return 7;
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  return 10;
}

struct Need {
  int opset = kOldestQdqOpset;
  std::string layer;  // who needs it
  std::string what;
};

void need(Need& most, int opset, const std::string& layer, const std::string& what) {
  if (opset > most.opset) most = {opset, layer, what};
}

Need oldest_opset_of(const QuantizedModel& model) {
  Need most;
  for (const Value& value : model.integer.values) {
    const bool wide =
        value.quant && (value.type == DataType::kUint16 || value.type == DataType::kInt16);
    if (wide) need(most, kNewestQdqOpset, value.name, to_string(value.type));
  }
  for (const Graph* graph : {&model.integer, &model.host}) {
    for (const Node& node : graph->nodes)
      need(most, oldest_opset(*graph, node), node.name, to_string(node.op));
  }
  return most;
}

bool has_int4(const QuantizedModel& model) {
  const auto& nodes = model.integer.nodes;
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const Node& node) { return has_int4_weights(model.integer, node); });
}

Result<int> choose_opset(const QuantizedModel& model, std::optional<int> wanted) {
  const Need most = oldest_opset_of(model);
  if (!wanted) return has_int4(model) ? std::max(most.opset, kOpsetOfInt4) : most.opset;
  if (*wanted < kOldestQdqOpset || *wanted > kNewestQdqOpset) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("opset {} cannot be written; {} to {} can", *wanted, kOldestQdqOpset,
                            kNewestQdqOpset));
  }
  if (*wanted < most.opset) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("opset {} has no {} as it stands here; {} is the oldest that has",
                            *wanted, most.what, most.opset),
                most.layer);
  }
  return *wanted;
}

Tensor per_channel(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<std::int64_t>(values.size()), 1, 1}, values);
}

bool is_all(const std::vector<float>& values, float value) {
  return std::all_of(values.begin(), values.end(), [value](float v) { return v == value; });
}

// Whether the frame's own parameters undo the normalization: (pixel − zero point)·scale is the
// model's input.
bool is_normalization(const QuantParams& params, const InputSpec& input) {
  return params.is_plain() && is_all(input.mean, params.zero_point[0]) &&
         std::all_of(input.std.begin(), input.std.end(),
                     [&](float std) { return static_cast<float>(1.0 / std) == params.scale[0]; });
}

// The frame's pixels out of the normalized input.
void write_frame(const QuantizedModel& model, QdqValues& values, QdqGraph& out) {
  const InputSpec& spec = model.input;
  const ValueId frame = model.integer.inputs[0];
  out.add_input(out.claim(spec.name), DataType::kFloat32, model.integer.value(frame).shape);
  if (is_normalization(*model.integer.value(frame).quant, spec)) {
    values.quantize(frame, spec.name);
    return;
  }
  std::string pixels = spec.name;
  const auto add = [&](const char* op, const char* suffix, const std::vector<float>& numbers) {
    const std::string constant = out.derive(spec.name, suffix);
    out.add_constant(constant, per_channel(numbers));
    const std::string result = out.derive(constant, "_applied");
    out.add_node(op, constant + "/" + op, {pixels, constant}, {result});
    pixels = result;
  };
  if (!is_all(spec.std, 1.0F)) add("Mul", "_std", spec.std);
  if (!is_all(spec.mean, 0.0F)) add("Add", "_mean", spec.mean);
  // Rounds to even and holds inside 0…255, as the emulator's edge does.
  const std::string one = out.derive(spec.name, "_pixel");
  out.add_constant(one, Tensor::scalar(1.0F));
  const std::string zero = out.derive(spec.name, "_black");
  out.add_constant(zero, Tensor::scalar(std::uint8_t{0}));
  const std::string& target = values.quantized(frame);
  out.add_node("QuantizeLinear", target + "/QuantizeLinear", {pixels, one, zero}, {target});
}

// An input that is no image: rounded as it comes. Exact: x / scale + zero point in float32, as the
// emulator's edge has it; QuantizeLinear rounds in front of the addition.
void write_feature(const Graph& integer, ValueId id, bool exact, QdqValues& values, QdqGraph& out) {
  const Value& value = integer.value(id);
  const std::string name = out.claim(value.name);
  out.add_input(name, DataType::kFloat32, value.shape);
  if (!exact) {
    values.quantize(id, name);
    return;
  }
  const auto constant = [&](const char* suffix, const Tensor& tensor) {
    return out.add_constant(out.derive(name, suffix), tensor);
  };
  const std::string steps = out.derive(name, "_divided");
  out.add_node("Div", steps + "/Div",
               {name, constant("_step", Tensor::scalar(value.quant->scale[0]))}, {steps});
  const std::string level = out.derive(name, "_level");
  out.add_node("Add", level + "/Add",
               {steps, constant("_zero", Tensor::scalar(value.quant->zero_point[0]))}, {level});
  const Tensor none = value.type == DataType::kUint16 ? Tensor::scalar(std::uint16_t{0})
                                                      : Tensor::scalar(std::uint8_t{0});
  const std::string& target = values.quantized(id);
  out.add_node("QuantizeLinear", target + "/QuantizeLinear",
               {level, constant("_unit", Tensor::scalar(1.0F)), constant("_none", none)}, {target});
}

void reserve_names(const QuantizedModel& model, QdqGraph& out) {
  if (model.input.is_image()) out.reserve(model.input.name);
  for (const Graph* graph : {&model.host, &model.integer}) {
    for (const Value& value : graph->values) out.reserve(value.name);
  }
}

Status write_graph(const QuantizedModel& model, int opset, bool exact, QdqGraph& out) {
  const Graph& integer = model.integer;
  out.proto().set_name(integer.name.empty() ? "model" : integer.name);
  reserve_names(model, out);
  QdqValues values(integer, opset, out);
  if (model.input.is_image()) {
    write_frame(model, values, out);
  } else {
    for (const ValueId id : integer.inputs) write_feature(integer, id, exact, values, out);
  }
  const QdqContext context{integer, opset, exact, values, out};
  for (const Node& node : integer.nodes) {
    if (auto status = write_qdq_layer(context, node); !status)
      return fail_with_context(std::move(status).error(), node.name);
  }
  std::vector<std::string> raw;
  for (const ValueId id : integer.outputs) raw.push_back(values.real(id));
  return write_host_part(model.host, raw, opset, out);
}

Status check_nodes(const Graph& graph, bool integer) {
  for (const Node& node : graph.nodes) {
    const bool reads = !node.inputs.empty() && node.inputs[0] != kNoValue &&
                       (!integer || graph.value(node.inputs[0]).quant);
    const bool makes = !node.outputs.empty() && (!integer || node.outputs[0] != kNoValue);
    if (!reads || !makes)
      return fail(ErrorCode::kInvalidData, "has no input or no output", node.name);
  }
  return {};
}

// Whether the kernels' rounded zero points are integers of the type.
bool zero_points_fit(const QuantParams& params) {
  const auto all_within = [&](auto least_and_most) {
    using Limits = std::numeric_limits<decltype(least_and_most)>;
    return std::all_of(params.zero_point.begin(), params.zero_point.end(), [](float zero_point) {
      const double rounded = std::nearbyint(static_cast<double>(zero_point));
      // The greatest int64 is not a double: one more is.
      return rounded >= static_cast<double>(Limits::min()) &&
             rounded < std::ldexp(1.0, Limits::digits);
    });
  };
  switch (params.type) {
    case DataType::kUint8:
      return all_within(std::uint8_t{});
    case DataType::kInt8:
      return all_within(std::int8_t{});
    case DataType::kUint16:
      return all_within(std::uint16_t{});
    case DataType::kInt16:
      return all_within(std::int16_t{});
    case DataType::kInt32:
      return all_within(std::int32_t{});
    case DataType::kInt64:
      return all_within(std::int64_t{});
    // No others are quantized.
    default:
      return false;
  }
}

bool integer_zero_points(const QuantParams& params) {
  return std::all_of(params.zero_point.begin(), params.zero_point.end(),
                     [](float zero_point) { return zero_point == std::nearbyint(zero_point); });
}

// Of a tensor with one scale per channel.
Status check_channels(const Value& value) {
  const QuantParams& params = *value.quant;
  const auto rank = static_cast<int>(value.shape.size());
  if (params.axis < 0 || params.axis >= rank ||
      value.shape[static_cast<std::size_t>(params.axis)] !=
          static_cast<std::int64_t>(params.scale.size()))
    return fail(ErrorCode::kInvalidData, "has scales that do not fit its axis", value.name);
  return {};
}

// Every tensor but the frame has integer zero points; a frame with others, or with one scale per
// channel, is read by convolutions alone.
Status check_params(const Graph& integer) {
  for (std::size_t id = 0; id < integer.values.size(); ++id) {
    const Value& value = integer.values[id];
    const auto& params = value.quant;
    if (!params && value.constant) continue;
    if (!params || params->scale.empty() || params->scale.size() != params->zero_point.size())
      return fail(ErrorCode::kInvalidData, "has no quantization parameters", value.name);
    if (!zero_points_fit(*params))
      return fail(ErrorCode::kUnsupported, "has a zero point outside its type", value.name);
    if (value.constant || params->is_plain()) continue;
    const bool frame = static_cast<ValueId>(id) == integer.inputs[0];
    if (!frame && integer_zero_points(*params)) {
      QUANT_TRY(check_channels(value));
      continue;
    }
    const bool weights_only =
        frame &&
        std::find(integer.outputs.begin(), integer.outputs.end(), static_cast<ValueId>(id)) ==
            integer.outputs.end() &&
        std::all_of(integer.nodes.begin(), integer.nodes.end(), [&](const Node& node) {
          const auto reads =
              std::count(node.inputs.begin(), node.inputs.end(), static_cast<ValueId>(id));
          return reads == 0 || (node.op == OpKind::kConv && reads == 1);
        });
    if (!weights_only)
      return fail(ErrorCode::kUnsupported, "has other than one scale and an integer zero point",
                  value.name);
  }
  return {};
}

// What 16-bit layers hold and these files cannot say.
Status check_types(const Graph& integer, bool exact) {
  for (const Value& value : integer.values) {
    if (!value.quant) continue;
    if (exact && (value.type == DataType::kUint16 || value.type == DataType::kInt64)) {
      return fail(ErrorCode::kUnsupported,
                  "has 16 bits, for which the emulator computes in float64; exact layers are "
                  "written in float32",
                  value.name);
    }
  }
  return {};
}

Status check(const QuantizedModel& model, bool exact) {
  QUANT_TRY(verify(model.input));
  QUANT_TRY(verify(model.integer));
  QUANT_TRY(verify(model.host));
  QUANT_TRY(check_nodes(model.integer, true));
  QUANT_TRY(check_nodes(model.host, false));
  if (model.integer.inputs.size() != std::max<std::size_t>(1, model.input.features.size()) ||
      model.integer.outputs.size() != model.host.inputs.size()) {
    return fail(ErrorCode::kInvalidData, "its integer part and its float part do not fit",
                model.integer.name);
  }
  QUANT_TRY(check_types(model.integer, exact));
  return check_params(model.integer);
}

}  // namespace

Result<QdqModel> write_qdq(const QuantizedModel& model, const QdqOptions& options) {
  QUANT_TRY(check(model, options.exact));
  QdqModel result;
  QUANT_TRY_ASSIGN(result.opset, choose_opset(model, options.opset));
  QdqGraph graph;
  QUANT_TRY(write_graph(model, result.opset, options.exact, graph));
  result.nodes = static_cast<std::size_t>(graph.proto().node_size());

  onnx::ModelProto file;
  file.set_ir_version(ir_version(result.opset));
  file.set_producer_name("gst-quant");
  file.set_producer_version(version());
  auto& opset = *file.add_opset_import();
  opset.set_domain("");
  opset.set_version(result.opset);
  for (const auto& [key, value] : options.metadata) {
    auto& entry = *file.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  file.mutable_graph()->Swap(&graph.proto());
  std::string bytes;
  if (!file.SerializeToString(&bytes))
    return fail(ErrorCode::kOutOfRange, "the model passes 2 GiB", model.integer.name);
  const auto view = std::as_bytes(std::span(bytes));
  result.onnx.assign(view.begin(), view.end());
  return result;
}

}  // namespace quant
