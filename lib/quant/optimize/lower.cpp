// SPDX-License-Identifier: MIT
#include "quant/optimize/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "quant/arithmetic/softmax.h"
#include "quant/graph/integer_attributes.h"
#include "quant/optimize/choose_params.h"
#include "quant/optimize/frame_params.h"
#include "quant/optimize/frame_tables.h"
#include "quant/optimize/fuse_followers.h"
#include "quant/optimize/host_rounding.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/lookup_layers.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/plan_precision.h"
#include "quant/optimize/pointwise.h"
#include "quant/optimize/precision_changes.h"
#include "quant/optimize/share_params.h"

namespace quant {
namespace {

class Lowering {
 public:
  Lowering(Graph graph, std::vector<bool> host, const InputSpec& input, std::vector<Range> ranges,
           const QuantizationPlan& plan)
      : graph_(std::move(graph)),
        host_(std::move(host)),
        ranges_(std::move(ranges)),
        encodings_(plan.encodings) {
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      modes_.push_back(plan.layer(index).precision);
      plan_[graph_.nodes[index].name] = plan.layer(index);
    }
    model_.input = input;
    model_.integer.name = graph_.name;
    model_.host.name = graph_.name;
  }

  Result<QuantizedModel> run() {
    QUANT_TRY(prepare());
    const PointwiseChains chains(graph_, host_);
    params_ = share_params(graph_, host_, chains, ranges_, bits_, fixed_).params;
    encode_outputs();
    integer_id_.assign(graph_.values.size(), kNoValue);

    if (model_.input.is_image()) {
      model_.integer.value(add_input(frame_value())).name = model_.input.name;
    } else {
      for (const ValueId id : graph_.inputs) add_input(id);
    }
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      if (!host_[index]) QUANT_TRY(lower_node(chains, graph_.nodes[index]));
    }
    QUANT_TRY(build_host_graph());
    remove_unused(model_.integer);
    QUANT_TRY(verify(model_.integer));
    QUANT_TRY(verify(model_.host));
    return std::move(model_);
  }

  // Of the graph that came: values that precision changes add have their source's range.
  Result<std::vector<ValueId>> values_without_parameters() {
    const auto count = static_cast<ValueId>(graph_.values.size());
    QUANT_TRY(prepare());
    const PointwiseChains chains(graph_, host_);
    auto ids = share_params(graph_, host_, chains, ranges_, bits_, fixed_).from_ranges;
    std::erase_if(ids, [count](ValueId id) { return id >= count; });
    return ids;
  }

 private:
  // Everything before parameters are chosen.
  Status prepare() {
    fixed_.resize(graph_.values.size());
    for (std::size_t id = 0; id < graph_.values.size(); ++id) {
      if (!graph_.values[id].constant) fixed_[id] = graph_.values[id].quant;
    }
    if (model_.input.is_image()) QUANT_TRY(choose_frame());
    QUANT_TRY(check_plain());
    bits_ = value_bits(graph_, modes_);
    if (model_.input.is_image()) {
      bits_[static_cast<std::size_t>(frame_value())] = 8;
    } else {
      choose_feature_bits();
    }
    for (std::size_t id = 0; id < fixed_.size(); ++id) {
      if (fixed_[id]) ranges_[id] = {fixed_[id]->range_min, fixed_[id]->range_max};
    }
    insert_precision_changes(graph_, host_, frame_value(), modes_, ranges_, bits_);
    fixed_.resize(graph_.values.size());
    fuse_followers(graph_, host_);
    return {};
  }

  // The frame as it is where its parameters can say what the network wants to see, or where the
  // model makes these very integers of it; else by tables or a normalization layer.
  Status choose_frame() {
    fixed_[static_cast<std::size_t>(graph_.inputs[0])] = pixel_params();
    QUANT_TRY_ASSIGN(auto tables, frame_tables(graph_, host_));
    if (tables && tables->identity()) {
      bypassed_frame_ = tables->value;
      remove_nodes(tables->nodes);
    } else if (tables) {
      frame_tables_ = std::move(tables->tables);
      graph_.nodes[tables->nodes.front()].outputs = {tables->value};
      modes_[tables->nodes.front()].output_bits = modes_[tables->nodes.back()].output_bits;
      remove_nodes(std::span(tables->nodes).subspan(1));
    } else if (const auto folded = frame_params(graph_, model_.input, host_)) {
      const auto node = std::find_if(graph_.nodes.begin(), graph_.nodes.end(), is_normalization);
      bypassed_frame_ = node->outputs[0];
      fixed_[static_cast<std::size_t>(bypassed_frame_)] = folded;
      const auto index = static_cast<std::size_t>(node - graph_.nodes.begin());
      remove_nodes(std::span(&index, 1));
    }
    return {};
  }

  // As many as the most exact reader takes: the others get a change of precision.
  void choose_feature_bits() {
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      if (host_[index]) continue;
      for (const ValueId id : graph_.nodes[index].inputs) {
        if (std::find(graph_.inputs.begin(), graph_.inputs.end(), id) == graph_.inputs.end())
          continue;
        int& bits = bits_[static_cast<std::size_t>(id)];
        bits = std::max(bits, modes_[index].input_bits);
      }
    }
  }

  // Only the frame may have parameters by channel.
  Status check_plain() const {
    for (std::size_t id = 0; id < fixed_.size(); ++id) {
      if (!fixed_[id] || fixed_[id]->is_plain() || static_cast<ValueId>(id) == frame_value())
        continue;
      return fail(ErrorCode::kUnsupported,
                  fmt::format("has {} scales and zero points; only one for a whole activation is "
                              "supported",
                              fixed_[id]->scale.size()),
                  graph_.values[id].name);
    }
    return {};
  }

  void encode_outputs() {
    for (const OutputEncoding& encoding : encodings_) {
      if (!is_carried(graph_, encoding, bits_)) continue;
      for (const auto& [id, carrier] : encoding.carriers) {
        auto& params = params_[static_cast<std::size_t>(id)];
        params = encoded_params(encoding, carrier, params->type);
        encoded_.insert(id);
      }
    }
  }

  static bool is_normalization(const Node& node) { return node.op == OpKind::kNormalization; }

  // `indices` ascending.
  void remove_nodes(std::span<const std::size_t> indices) {
    for (std::size_t i = indices.size(); i-- > 0;) {
      const auto index = static_cast<std::ptrdiff_t>(indices[i]);
      host_.erase(host_.begin() + index);
      modes_.erase(modes_.begin() + index);
      graph_.nodes.erase(graph_.nodes.begin() + index);
    }
  }

  // The value that holds the frame: the graph's input, or what normalization made of it where that
  // costs nothing. None of a feature network.
  ValueId frame_value() const {
    if (!model_.input.is_image()) return kNoValue;
    return bypassed_frame_ == kNoValue ? graph_.inputs[0] : bypassed_frame_;
  }

  ValueId add_activation(ValueId id) {
    const Value& source = graph_.value(id);
    return quant::add_activation(model_.integer, source.name, source.shape,
                                 *params_[static_cast<std::size_t>(id)]);
  }

  ValueId add_input(ValueId id) {
    const ValueId added = add_activation(id);
    integer_id_[static_cast<std::size_t>(id)] = added;
    model_.integer.inputs.push_back(added);
    return added;
  }

  // The integer value of a float value that a node reads; constants are quantized on first use,
  // once for each type.
  ValueId operand(ValueId id, DataType type) {
    if (id == kNoValue) return kNoValue;
    const Value& source = graph_.value(id);
    if (!source.constant) return integer_id_[static_cast<std::size_t>(id)];
    if (source.type != DataType::kFloat32) return plain_constant(id);
    ValueId& known = constants_.try_emplace({id, type}, kNoValue).first->second;
    if (known != kNoValue) return known;
    const QuantParams params = constant_params(source, type);
    const bool first = !model_.integer.find_value(source.name);
    known = model_.integer.add_constant(first ? source.name : source.name + "/16",
                                        quantize_activation(*source.constant, params));
    model_.integer.value(known).quant = params;
    return known;
  }

  // As the model stores them, or by their range.
  static QuantParams constant_params(const Value& constant, DataType type) {
    if (constant.quant && !constant.quant->per_channel()) {
      QuantParams params = unsigned_form(*constant.quant);
      if (params.type == type && params.scale[0] > 0) return params;
    }
    MinMaxObserver observer;
    observer.observe(constant.constant->data<float>());
    return activation_params(observer.range(), type);
  }

  // Constants that stay as they are: shapes, axes, norm scales.
  ValueId plain_constant(ValueId id) {
    if (id == kNoValue) return kNoValue;
    const std::string name = graph_.value(id).name + "/plain";
    if (const auto known = model_.integer.find_value(name)) return *known;
    return model_.integer.add_constant(name, *graph_.value(id).constant);
  }

  Node integer_node(const Node& node) {
    Node result;
    result.op = node.op;
    result.name = node.name;
    result.original_names = node.original_names;
    result.attributes = node.attributes;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) {
        result.outputs.push_back(kNoValue);
        continue;
      }
      const ValueId added = add_activation(id);
      integer_id_[static_cast<std::size_t>(id)] = added;
      result.outputs.push_back(added);
    }
    return result;
  }

  Status lower_node(const PointwiseChains& chains, const Node& node) {
    const ValueId output = node.outputs[0];
    if (chains.root(output) != output) {
      return chains.is_materialized(output) ? lower_chain(chains, node) : Status{};
    }
    for (const ValueId id : node.outputs) {
      // An output of a Split that nobody reads still has its place.
      if (id != kNoValue && !params_[static_cast<std::size_t>(id)]) {
        params_[static_cast<std::size_t>(id)] = params_[static_cast<std::size_t>(node.inputs[0])];
      }
    }
    if (!frame_tables_.empty() && is_normalization(node)) {
      append_frame_tables(model_.integer, integer_node(node),
                          integer_id_[static_cast<std::size_t>(node.inputs[0])], frame_tables_);
      return {};
    }
    if (const auto affine = channel_layer(graph_, node)) return lower_weighted_node(*affine, node);
    Node result = integer_node(node);
    add_operands(node, result);
    if (node.op == OpKind::kSoftmax) result.inputs.push_back(softmax_table(node));
    if (changes_parameters(node)) {
      append_changed_movement(model_.integer, std::move(result),
                              *params_[static_cast<std::size_t>(node.inputs[0])]);
    } else {
      model_.integer.nodes.push_back(std::move(result));
    }
    return {};
  }

  void add_operands(const Node& node, Node& result) {
    const bool computes_with_constants = node.op == OpKind::kAdd || node.op == OpKind::kSub ||
                                         node.op == OpKind::kMul || node.op == OpKind::kDiv ||
                                         node.op == OpKind::kConcat;
    for (const ValueId id : node.inputs) {
      const bool keep = id != kNoValue && graph_.value(id).constant && !computes_with_constants;
      result.inputs.push_back(keep ? plain_constant(id) : operand(id, operand_type(node)));
    }
  }

  // Whether the model moves a tensor and quantizes it anew; a Resize does that by itself.
  bool changes_parameters(const Node& node) const {
    if (integer_form(graph_, node) != IntegerForm::kMovement || node.op == OpKind::kResize ||
        encoded_.contains(node.outputs[0]))
      return false;
    const auto& input = params_[static_cast<std::size_t>(node.inputs[0])];
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && params_[static_cast<std::size_t>(id)] != input;
    });
  }

  // Of the activations that a node computes with: its constants get the same.
  DataType operand_type(const Node& node) const {
    const std::vector<ValueId> inputs = activation_inputs(graph_, node);
    const bool wide = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      return params_[static_cast<std::size_t>(id)]->type == DataType::kUint16;
    });
    return wide ? DataType::kUint16 : DataType::kUint8;
  }

  // Stored, so that no other libm decides a bit later.
  ValueId softmax_table(const Node& node) {
    const QuantParams& input = *params_[static_cast<std::size_t>(node.inputs[0])];
    const auto table = make_softmax_table(input.scale[0], input.type);
    return model_.integer.add_constant(
        node.name + "/table",
        Tensor::from<std::uint32_t>({static_cast<std::int64_t>(table.size())}, table));
  }

  Status lower_chain(const PointwiseChains& chains, const Node& node) {
    const ValueId output = node.outputs[0];
    const ValueId root = chains.root(output);
    const ValueId made = add_activation(output);
    integer_id_[static_cast<std::size_t>(output)] = made;
    std::vector<std::string> original_names;
    QUANT_TRY_ASSIGN(Tensor table,
                     chains.table(output, *params_[static_cast<std::size_t>(root)],
                                  *params_[static_cast<std::size_t>(output)], original_names));
    Node result = lookup_layer(model_.integer, node.name,
                               integer_id_[static_cast<std::size_t>(root)], made, std::move(table));
    result.original_names = std::move(original_names);
    model_.integer.nodes.push_back(std::move(result));
    return {};
  }

  Status lower_weighted_node(const FloatLayer& layer, const Node& node) {
    const QuantParams& in = *params_[static_cast<std::size_t>(layer.input)];
    const LayerPlan& plan = plan_.at(node.name);
    auto weighted = quantize_layer(layer, in, plan);
    if (!weighted) return fail_with_context(std::move(weighted).error(), node.name);
    Node result = integer_node(node);
    result.op = layer.op;
    result.attributes = layer.attributes;
    if (plan.precision.weight_bits == 4) result.attributes.set(kWeightBits, std::int64_t{4});
    if (weighted->steps.multiples.elements() > 0) {
      result.attributes.set(kWeightGroupSize, std::int64_t{plan.scaling.group_size});
      result.attributes.set(kWeightMultiples, std::move(weighted->steps.multiples));
    }
    const ValueId weights =
        model_.integer.add_constant(node.name + "/weights", std::move(weighted->weights));
    model_.integer.value(weights).quant = std::move(weighted->steps.params);
    const ValueId bias =
        model_.integer.add_constant(node.name + "/bias", std::move(weighted->bias));
    model_.integer.value(bias).quant = std::move(weighted->bias_params);
    result.inputs = {integer_id_[static_cast<std::size_t>(layer.input)], weights, bias};
    model_.integer.nodes.push_back(std::move(result));
    return {};
  }

  // Float nodes behind the line, fed by dequantized raw tensors of the same names.
  Status build_host_graph() {
    std::vector<ValueId> host_id(graph_.values.size(), kNoValue);
    const auto on_host = [&](ValueId id) {
      ValueId& known = host_id[static_cast<std::size_t>(id)];
      if (known != kNoValue) return known;
      Value value = graph_.value(id);
      const bool raw = integer_id_[static_cast<std::size_t>(id)] != kNoValue && !value.constant;
      known = model_.host.add_value(std::move(value));
      if (raw) {
        model_.host.inputs.push_back(known);
        model_.integer.outputs.push_back(integer_id_[static_cast<std::size_t>(id)]);
      }
      return known;
    };
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      if (!host_[index]) continue;
      Node node = graph_.nodes[index];
      for (ValueId& id : node.inputs) id = id == kNoValue ? kNoValue : on_host(id);
      for (ValueId& id : node.outputs) id = id == kNoValue ? kNoValue : on_host(id);
      model_.host.nodes.push_back(std::move(node));
    }
    for (const ValueId id : graph_.outputs) model_.host.outputs.push_back(on_host(id));
    round_on_host(model_.host);
    if (model_.integer.outputs.empty()) {
      return fail(ErrorCode::kUnsupported, "nothing of this network has an integer form",
                  graph_.name);
    }
    return {};
  }

  Graph graph_;
  std::vector<bool> host_;
  std::vector<Range> ranges_;                      // by value
  std::vector<std::optional<QuantParams>> fixed_;  // by value: decided beforehand
  std::vector<int> bits_;                          // by value
  std::vector<Tensor> frame_tables_;               // by channel; empty where no table is needed
  std::vector<PrecisionMode> modes_;               // by node, until nodes are fused
  std::map<std::string, LayerPlan> plan_;          // by layer
  std::vector<OutputEncoding> encodings_;
  std::set<ValueId> encoded_;  // values with parameters by channel
  std::vector<std::optional<QuantParams>> params_;
  std::vector<ValueId> integer_id_;  // float value → integer value; of constants see below
  std::map<std::pair<ValueId, DataType>, ValueId> constants_;
  ValueId bypassed_frame_ = kNoValue;
  QuantizedModel model_;
};

Result<Lowering> start(const Graph& graph, const InputSpec& input, const std::vector<Range>& ranges,
                       const QuantizationPlan& plan) {
  const std::size_t inputs = std::max<std::size_t>(1, input.features.size());
  if (graph.inputs.size() != inputs) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the network has {} inputs, its description {}", graph.inputs.size(), inputs),
        graph.name);
  }
  QUANT_TRY_ASSIGN(std::vector<bool> host, partition(graph));
  return Lowering(graph, std::move(host), input, ranges, plan);
}

}  // namespace

Result<QuantizedModel> lower(const Graph& graph, const InputSpec& input,
                             const std::vector<Range>& ranges, const QuantizationPlan& plan) {
  QUANT_TRY_ASSIGN(Lowering lowering, start(graph, input, ranges, plan));
  return lowering.run();
}

Result<std::vector<ValueId>> values_without_parameters(const Graph& graph, const InputSpec& input,
                                                       const QuantizationPlan& plan) {
  const std::vector<Range> unknown(graph.values.size());
  QUANT_TRY_ASSIGN(Lowering lowering, start(graph, input, unknown, plan));
  return lowering.values_without_parameters();
}

}  // namespace quant
