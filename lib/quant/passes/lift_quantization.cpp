// SPDX-License-Identifier: MIT
#include "quant/passes/lift_quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "quant/graph/operator.h"
#include "quant/passes/stored_integers.h"

namespace quant {
namespace {

// An integer tensor of the file.
struct Integers {
  ValueId real = kNoValue;  // what it stands for; its parameters are in Value::quant
  ValueId scale = kNoValue;
  ValueId zero_point = kNoValue;
  bool made = false;  // by a QuantizeLinear, for a reader that wants integers
};

// Integers by their look-up in a constant table.
struct Table {
  Node gather;
  ValueId source = kNoValue;  // real values of the integers that are looked up
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
      case OpKind::kCast:
        if (integers_.contains(node.inputs[0])) {
          Node& index = indices_[node.outputs[0]];
          index = std::move(node);
          return {};
        }
        break;
      case OpKind::kGather:
        if (is_table(node)) {
          const ValueId stored = indices_.at(node.inputs[1]).inputs[0];
          Table& table = tables_[node.outputs[0]];
          table.source = integers_.at(stored).real;
          table.gather = std::move(node);
          return {};
        }
        break;
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
    if (auto index = indices_.extract(id)) return append(std::move(index.mapped()));
    if (auto table = tables_.extract(id)) return append(std::move(table.mapped().gather));
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

  // A node after all that was not needed so far.
  ValueId append(Node node) {
    for (ValueId& id : node.inputs) id = read(id);
    const ValueId made = node.outputs[0];
    graph_.nodes.push_back(std::move(node));
    return made;
  }

  // What read() gives for an output of the network, which keeps its name.
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

  Result<QuantParams> params_of(ValueId scale, ValueId zero_point, DataType type) const {
    return stored_params(graph_, scale, zero_point, type);
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
    QUANT_TRY_ASSIGN(const QuantParams params, params_of(scale, zero_point, stored.type));
    QUANT_TRY(check_whole(params));
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

  // Whether integers are looked up in a table of their own type's size.
  bool is_table(const Node& node) const {
    const auto index = indices_.find(node.inputs[1]);
    if (index == indices_.end() || !is_constant(node.inputs[0])) return false;
    const Tensor& table = *graph_.value(node.inputs[0]).constant;
    const DataType type = graph_.value(index->second.inputs[0]).type;
    const bool whole = (type == DataType::kUint8 && table.elements() == 256) ||
                       (type == DataType::kUint16 && table.elements() == 65536);
    return table.rank() == 1 && whole && size_of(table.type()) <= 2;
  }

  // A table's integers as real values: a Lookup of real values.
  Status look_up(Node& node) {
    const Table& table = tables_.at(node.inputs[0]);
    QUANT_TRY_ASSIGN(QuantParams params,
                     params_of(node.inputs[1], input(node, 2), graph_.value(node.inputs[0]).type));
    QUANT_TRY(check_whole(params));
    Node dequantization = node;
    dequantization.inputs[0] = table.gather.inputs[0];
    QUANT_TRY_ASSIGN(const ValueId entries, add_real_constant(graph_, dequantization, 0, 0));
    graph_.value(entries).quant.reset();  // no operand
    const QuantParams& source = *graph_.value(table.source).quant;
    Node lookup;
    lookup.op = OpKind::kLookup;
    lookup.original_names = table.gather.original_names;
    lookup.attributes.set("scale", source.scale[0]);
    lookup.attributes.set("zero_point", source.zero_point[0]);
    lookup.inputs = {table.source, entries};
    lookup.outputs = node.outputs;
    graph_.value(node.outputs[0]).quant = std::move(params);
    graph_.nodes.push_back(std::move(lookup));
    return {};
  }

  Status dequantize(Node& node) {
    if (tables_.contains(node.inputs[0]) && is_constant(node.inputs[1]) &&
        is_constant(input(node, 2)))
      return look_up(node);
    const auto found = integers_.find(node.inputs[0]);
    if (found == integers_.end() || !is_constant(node.inputs[1]) || !is_constant(input(node, 2))) {
      for (ValueId& id : node.inputs) id = read(id);
      graph_.nodes.push_back(std::move(node));
      return {};
    }
    const ValueId real = found->second.real;
    const ValueId output = node.outputs[0];
    QUANT_TRY_ASSIGN(QuantParams params,
                     params_of(node.inputs[1], input(node, 2), graph_.value(node.inputs[0]).type));
    if (params == *graph_.value(real).quant) {
      same_[output] = real;
      return {};
    }
    const auto rank = static_cast<std::int64_t>(graph_.value(output).shape.size());
    const std::int64_t axis = node.attributes.integer("axis", 1);
    if (params.per_channel()) params.axis = static_cast<int>(axis < 0 ? axis + rank : axis);
    append_reinterpretation(graph_, real, output, std::move(params), node.original_names);
    return {};
  }

  Status check_same_params(ValueId real, ValueId scale, ValueId zero_point, DataType type) const {
    QUANT_TRY_ASSIGN(const QuantParams params, params_of(scale, zero_point, type));
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

  Status convolution(Node& node) {
    for (const std::size_t constant : {1, 2, 3, 4, 5, 6, 7}) {
      if (!is_constant(node.inputs[constant])) return unlifted(node);
    }
    if (!is_constant(input(node, 8))) return unlifted(node);
    QUANT_TRY_ASSIGN(const ValueId x, real_input(node, 0));
    QUANT_TRY_ASSIGN(const ValueId weights, add_real_constant(graph_, node, 3, 0));
    Node real = real_node(node, OpKind::kConv, {x, weights});
    if (input(node, 8) != kNoValue) real.inputs.push_back(add_real_bias(graph_, node));
    return make(node, std::move(real));
  }

  Status product(Node& node) {
    for (const std::size_t constant : {1, 2, 4, 5, 6, 7}) {
      if (!is_constant(node.inputs[constant])) return unlifted(node);
    }
    const auto operand = [&](std::size_t index) -> Result<ValueId> {
      if (!is_constant(node.inputs[index])) return real_input(node, index);
      const auto rank = static_cast<std::int64_t>(graph_.value(node.inputs[index]).shape.size());
      return add_real_constant(graph_, node, index, rank - 1);
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
                     params_of(node.inputs[6], node.inputs[7], graph_.value(stored).type));
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
  // Nodes that nothing needs as they are, as long as only a DequantizeLinear reads them; by output.
  std::map<ValueId, Node> indices_;  // casts of integers, for tables
  std::map<ValueId, Table> tables_;
  std::set<ValueId> own_name_;  // real values that the file has as integers alone
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
