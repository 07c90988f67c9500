// SPDX-License-Identifier: MIT
#include "quant/passes/lift_quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "quant/graph/operator.h"
#include "quant/onnx/folded_params.h"

namespace quant {
namespace {

// An integer tensor of the file.
struct Integers {
  ValueId real = kNoValue;  // what it stands for; its parameters are in Value::quant
  ValueId scale = kNoValue;
  ValueId zero_point = kNoValue;
  bool made = false;  // by a QuantizeLinear, for a reader that wants integers
};

bool moves_integers(const Node& node) {
  switch (node.op) {
    case OpKind::kConcat:
    case OpKind::kDepthToSpace:
    case OpKind::kFlatten:
    case OpKind::kGather:
    case OpKind::kIdentity:
    case OpKind::kMaxPool:
    case OpKind::kReshape:
    case OpKind::kSlice:
    case OpKind::kSpaceToDepth:
    case OpKind::kSplit:
    case OpKind::kSqueeze:
    case OpKind::kTranspose:
    case OpKind::kUnsqueeze:
      return true;
    case OpKind::kResize:
      return node.attributes.text("mode", "nearest") == "nearest";
    // Everything else computes with its integers, as integers.
    default:
      return false;
  }
}

class Lift {
 public:
  explicit Lift(Graph graph) : graph_(std::move(graph)) {}

  Result<Graph> run() {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : nodes) {
      if (auto status = take(node); !status)
        return fail_with_context(std::move(status).error(), display_name(node));
    }
    for (ValueId& id : graph_.outputs) id = output(id);
    for (const auto& [stored, integers] : integers_) {
      if (own_name_.contains(integers.real) && !integers.made)
        std::swap(graph_.value(stored).name, graph_.value(integers.real).name);
    }
    remove_unused(graph_);
    return std::move(graph_);
  }

 private:
  Status take(Node& node) {
    switch (node.op) {
      case OpKind::kQuantizeLinear:
        return quantize(node);
      case OpKind::kDequantizeLinear:
        return dequantize(node);
      case OpKind::kQLinearConv:
        return convolution(node);
      case OpKind::kQLinearMatMul:
        return product(node);
      // All others take real values; movement takes them instead of integers.
      default:
        break;
    }
    if (is_moved_integers(node)) return move(node);
    for (ValueId& id : node.inputs) id = read(id);
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  // What a node reads where the file's node read `id`: the value in its place, or integers.
  ValueId read(ValueId id) {
    if (const auto known = same_.find(id); known != same_.end()) return known->second;
    const auto found = integers_.find(id);
    if (found == integers_.end() || found->second.made) return id;
    Node node;
    node.op = OpKind::kQuantizeLinear;
    node.original_names = {graph_.value(id).name};
    node.inputs = {found->second.real, found->second.scale};
    if (found->second.zero_point != kNoValue) node.inputs.push_back(found->second.zero_point);
    node.outputs = {id};
    graph_.nodes.push_back(std::move(node));
    found->second.made = true;
    return id;
  }

  // The same for an output of the network, which keeps its name.
  ValueId output(ValueId id) {
    const ValueId real = read(id);
    if (real == id) return id;
    const auto among = [real](const std::vector<ValueId>& ids) {
      return std::find(ids.begin(), ids.end(), real) != ids.end();
    };
    if (!among(graph_.inputs) && !among(graph_.outputs)) {
      std::swap(graph_.value(id).name, graph_.value(real).name);
      return real;
    }
    Node identity;
    identity.op = OpKind::kIdentity;
    identity.original_names = {graph_.value(id).name};
    identity.inputs = {real};
    identity.outputs = {id};
    graph_.value(id).quant = graph_.value(real).quant;
    graph_.nodes.push_back(std::move(identity));
    return id;
  }

  // Scale and zero point of an activation, in the integer graph's form.
  Result<QuantParams> activation_params(ValueId scale, ValueId zero_point, DataType type) const {
    if (size_of(type) > 2) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("quantizes an activation to {}", to_string(type)));
    }
    const auto scales = graph_.value(scale).constant->data<float>();
    QuantParams params;
    params.type = type;
    params.scale.assign(scales.begin(), scales.end());
    params.zero_point.assign(scales.size(), 0.0F);
    if (zero_point != kNoValue)
      params.zero_point = integers_as_floats(*graph_.value(zero_point).constant);
    params = unsigned_form(std::move(params));
    const float highest = params.type == DataType::kUint16 ? 65535.0F : 255.0F;
    for (std::size_t i = 0; i < params.scale.size(); ++i) {
      if (!(params.scale[i] > 0) || !std::isfinite(params.scale[i])) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("its scale is {}, not a positive number", params.scale[i]));
      }
      const float low = (0.0F - params.zero_point[i]) * params.scale[i];
      const float high = (highest - params.zero_point[i]) * params.scale[i];
      params.range_min = i == 0 ? low : std::min(params.range_min, low);
      params.range_max = i == 0 ? high : std::max(params.range_max, high);
    }
    return params;
  }

  bool is_constant(ValueId id) const {
    return id == kNoValue || graph_.value(id).constant.has_value();
  }
  static ValueId input(const Node& node, std::size_t index) {
    return index < node.inputs.size() ? node.inputs[index] : kNoValue;
  }

  Status quantize(Node& node) {
    const ValueId source = read(node.inputs[0]);
    const ValueId scale = input(node, 1);
    const ValueId zero_point = input(node, 2);
    if (!is_constant(scale) || !is_constant(zero_point)) {
      node.inputs[0] = source;
      graph_.nodes.push_back(std::move(node));
      return {};
    }
    const Value& stored = graph_.value(node.outputs[0]);
    QUANT_TRY_ASSIGN(const QuantParams params, activation_params(scale, zero_point, stored.type));
    if (params.per_channel()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("quantizes an activation with {} scales; only one scale for a whole "
                              "activation is supported",
                              params.scale.size()));
    }
    ValueId real = source;
    if (!graph_.value(source).quant) {
      graph_.value(source).quant = params;
    } else if (*graph_.value(source).quant != params) {
      real = copy(source, stored.name + "/requantized", node);
      graph_.value(real).quant = params;
    }
    integers_[node.outputs[0]] = {real, scale, zero_point};
    return {};
  }

  // An Identity of `source` with the names of `node`.
  ValueId copy(ValueId source, const std::string& name, const Node& node) {
    Value value = graph_.value(source);
    value.name = name;
    Node identity;
    identity.op = OpKind::kIdentity;
    identity.name = node.name;
    identity.original_names = node.original_names;
    identity.inputs = {source};
    identity.outputs = {graph_.add_value(std::move(value))};
    graph_.nodes.push_back(identity);
    return identity.outputs[0];
  }

  Status dequantize(Node& node) {
    const auto found = integers_.find(node.inputs[0]);
    if (found == integers_.end() || !is_constant(node.inputs[1]) || !is_constant(input(node, 2))) {
      for (ValueId& id : node.inputs) id = read(id);
      graph_.nodes.push_back(std::move(node));
      return {};
    }
    const ValueId real = found->second.real;
    QUANT_TRY_ASSIGN(QuantParams params, activation_params(node.inputs[1], input(node, 2),
                                                           graph_.value(node.inputs[0]).type));
    if (params == *graph_.value(real).quant) {
      same_[node.outputs[0]] = real;
    } else {
      reinterpret(node, real, std::move(params));
    }
    return {};
  }

  // The integers of `real` under other parameters: real·s'/s + (zp − zp')·s'.
  void reinterpret(const Node& node, ValueId real, QuantParams params) {
    const ValueId output = node.outputs[0];
    const QuantParams made = *graph_.value(real).quant;
    Shape shape;
    if (params.per_channel()) {
      const auto rank = static_cast<std::int64_t>(graph_.value(output).shape.size());
      const std::int64_t axis = node.attributes.integer("axis", 1);
      params.axis = static_cast<int>(axis < 0 ? axis + rank : axis);
      shape.assign(static_cast<std::size_t>(rank - params.axis), 1);
      shape[0] = static_cast<std::int64_t>(params.scale.size());
    }
    Tensor factor(DataType::kFloat32, shape);
    Tensor shift(DataType::kFloat32, shape);
    for (std::size_t i = 0; i < params.scale.size(); ++i) {
      factor.data<float>()[i] = params.scale[i] / made.scale[0];
      shift.data<float>()[i] = (made.zero_point[0] - params.zero_point[i]) * params.scale[i];
    }
    const std::string name = graph_.value(output).name;
    Value scaled = graph_.value(output);
    scaled.name = name + "/scaled";
    Node multiply;
    multiply.op = OpKind::kMul;
    multiply.original_names = node.original_names;
    multiply.inputs = {real, graph_.add_constant(name + "/factor", std::move(factor))};
    multiply.outputs = {graph_.add_value(std::move(scaled))};
    Node add = multiply;
    add.op = OpKind::kAdd;
    add.inputs = {multiply.outputs[0], graph_.add_constant(name + "/shift", std::move(shift))};
    add.outputs = {output};
    graph_.value(output).quant = std::move(params);
    graph_.nodes.push_back(std::move(multiply));
    graph_.nodes.push_back(std::move(add));
  }

  Status check_same_params(ValueId real, ValueId scale, ValueId zero_point, DataType type) const {
    QUANT_TRY_ASSIGN(const QuantParams params, activation_params(scale, zero_point, type));
    if (params == *graph_.value(real).quant) return {};
    return fail(ErrorCode::kUnsupported,
                "reads integers with other parameters than they were made with");
  }

  // The real values of the integers that `node` reads at `index`, with scale and zero point behind.
  Result<ValueId> real_input(const Node& node, std::size_t index) {
    const ValueId id = node.inputs[index];
    const auto found = integers_.find(id);
    if (found == integers_.end()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("its input {} is no tensor that the model quantizes", index));
    }
    QUANT_TRY(check_same_params(found->second.real, node.inputs[index + 1], node.inputs[index + 2],
                                graph_.value(id).type));
    return found->second.real;
  }

  // Constant integers at `index`, with scale and zero point behind, as real values.
  Result<ValueId> real_constant(const Node& node, std::size_t index, std::int64_t axis) {
    Node dequantization;
    dequantization.op = OpKind::kDequantizeLinear;
    dequantization.attributes.set("axis", axis);
    std::vector<const Tensor*> integers;
    for (std::size_t i = index; i < index + 3; ++i) {
      dequantization.inputs.push_back(node.inputs[i]);
      integers.push_back(&*graph_.value(node.inputs[i]).constant);
    }
    QUANT_TRY_ASSIGN(std::vector<Tensor> reals, evaluate_node(dequantization, integers));
    const ValueId id =
        graph_.add_constant(graph_.value(node.outputs[0]).name + "/weights", std::move(reals[0]));
    graph_.value(id).quant = folded_params(graph_, dequantization);
    return id;
  }

  Status convolution(Node& node) {
    for (const std::size_t constant : {1, 2, 3, 4, 5, 6, 7}) {
      if (!is_constant(node.inputs[constant])) return unlifted(node);
    }
    if (!is_constant(input(node, 8))) return unlifted(node);
    QUANT_TRY_ASSIGN(const ValueId x, real_input(node, 0));
    QUANT_TRY_ASSIGN(const ValueId weights, real_constant(node, 3, 0));
    Node real = real_node(node, OpKind::kConv, {x, weights});
    if (input(node, 8) != kNoValue) {
      QUANT_TRY_ASSIGN(const ValueId bias, real_bias(node));
      real.inputs.push_back(bias);
    }
    return make(node, std::move(real));
  }

  // The bias is at scale s_x·s_w.
  Result<ValueId> real_bias(const Node& node) {
    const Tensor& bias = *graph_.value(node.inputs[8]).constant;
    const float x_scale = graph_.value(node.inputs[1]).constant->data<float>()[0];
    const auto w_scales = graph_.value(node.inputs[4]).constant->data<float>();
    const auto integers = bias.data<std::int32_t>();
    Tensor result(DataType::kFloat32, bias.shape());
    for (std::size_t c = 0; c < integers.size(); ++c) {
      const double scale = static_cast<double>(x_scale) * w_scales[w_scales.size() == 1 ? 0 : c];
      result.data<float>()[c] = static_cast<float>(integers[c] * scale);
    }
    const std::string& made = graph_.value(node.outputs[0]).name;
    return graph_.add_constant(made + "/bias", std::move(result));
  }

  Status product(Node& node) {
    for (const std::size_t constant : {1, 2, 4, 5, 6, 7}) {
      if (!is_constant(node.inputs[constant])) return unlifted(node);
    }
    const auto operand = [&](std::size_t index) -> Result<ValueId> {
      if (!is_constant(node.inputs[index])) return real_input(node, index);
      const auto rank = static_cast<std::int64_t>(graph_.value(node.inputs[index]).shape.size());
      return real_constant(node, index, rank - 1);
    };
    QUANT_TRY_ASSIGN(const ValueId a, operand(0));
    QUANT_TRY_ASSIGN(const ValueId b, operand(3));
    return make(node, real_node(node, OpKind::kMatMul, {a, b}));
  }

  Status unlifted(Node& node) {
    for (ValueId& id : node.inputs) id = read(id);
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  static Node real_node(const Node& node, OpKind op, std::vector<ValueId> inputs) {
    Node real = node;
    real.op = op;
    real.inputs = std::move(inputs);
    return real;
  }

  // `real` computes what the quantized `node`, parameters at inputs 6 and 7, made.
  Status make(const Node& node, Node real) {
    const ValueId stored = node.outputs[0];
    QUANT_TRY_ASSIGN(const QuantParams params,
                     activation_params(node.inputs[6], node.inputs[7], graph_.value(stored).type));
    real.outputs = {real_output(stored, params)};
    integers_[stored] = {real.outputs[0], node.inputs[6], node.inputs[7]};
    graph_.nodes.push_back(std::move(real));
    return {};
  }

  // A real value in place of the integers `stored`; has their name, in the end, where nobody needs
  // them.
  ValueId real_output(ValueId stored, const QuantParams& params) {
    Value value;
    value.name = graph_.value(stored).name + "/real";
    value.shape = graph_.value(stored).shape;
    value.quant = params;
    const ValueId id = graph_.add_value(std::move(value));
    own_name_.insert(id);
    return id;
  }

  bool is_moved_integers(const Node& node) const {
    if (!moves_integers(node)) return false;
    const std::size_t count = node.op == OpKind::kConcat ? node.inputs.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
      const auto found = integers_.find(node.inputs[i]);
      if (found == integers_.end()) return false;
      const auto& first = integers_.at(node.inputs[0]);
      if (graph_.value(found->second.real).quant != graph_.value(first.real).quant) return false;
    }
    return true;
  }

  Status move(Node& node) {
    const Integers source = integers_.at(node.inputs[0]);
    const QuantParams params = *graph_.value(source.real).quant;
    for (ValueId& id : node.inputs) {
      const auto found = integers_.find(id);
      id = found == integers_.end() ? read(id) : found->second.real;
    }
    const DataType type = graph_.value(node.outputs[0]).type;
    for (ValueId& id : node.outputs) {
      if (id == kNoValue || graph_.value(id).type != type) continue;  // MaxPool's indices
      const ValueId real = real_output(id, params);
      integers_[id] = {real, source.scale, source.zero_point};
      id = real;
    }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  Graph graph_;
  std::map<ValueId, Integers> integers_;
  std::map<ValueId, ValueId> same_;  // dequantized values of the file → real values
  std::set<ValueId> own_name_;       // real values that the file has as integers alone
};

}  // namespace

bool is_quantized(const Graph& graph) {
  const auto quantizes = [](const Node& node) {
    return node.op == OpKind::kQuantizeLinear || node.op == OpKind::kDequantizeLinear ||
           node.op == OpKind::kQLinearConv || node.op == OpKind::kQLinearMatMul;
  };
  const auto has_params = [](const Value& value) { return value.quant.has_value(); };
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), quantizes) ||
         std::any_of(graph.values.begin(), graph.values.end(), has_params);
}

Status lift_quantization(Graph& graph) {
  QUANT_TRY_ASSIGN(graph, Lift(std::move(graph)).run());
  return {};
}

}  // namespace quant
