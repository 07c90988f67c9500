// SPDX-License-Identifier: MIT
#include "quant/analyze/hybrid_network.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "quant/analyze/channel_scales.h"
#include "quant/analyze/integer_weights.h"
#include "quant/analyze/product_scales.h"
#include "quant/graph/integer_attributes.h"
#include "quant/graph/operator.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/script/model_script.h"

namespace quant {
namespace {

class HybridNetwork {
 public:
  explicit HybridNetwork(const NoiseSubject& subject)
      : integer_(*subject.integer), graph_(*subject.float_network) {}

  Result<Graph> run(const std::set<std::string>& quantized) {
    for (const Node& layer : integer_.nodes) {
      if (quantized.contains(layer.name)) QUANT_TRY(replace_constants(layer));
    }
    for (const Node& layer : integer_.nodes) {
      if (!quantized.contains(layer.name)) continue;
      for (const ValueId id : layer.outputs) {
        if (id != kNoValue) QUANT_TRY(round(layer, id));
      }
    }
    QUANT_TRY(sort_topologically(graph_));
    QUANT_TRY(verify(graph_));
    return std::move(graph_);
  }

 private:
  Node* find_node(const std::string& name) {
    const auto found = std::find_if(graph_.nodes.begin(), graph_.nodes.end(),
                                    [&](const Node& node) { return node.name == name; });
    return found == graph_.nodes.end() ? nullptr : &*found;
  }

  ValueId add_constant(const std::string& name, const Shape& shape,
                       const std::vector<float>& data) {
    return graph_.add_constant(name, Tensor::from<float>(shape, data));
  }

  Status replace_constants(const Node& layer) {
    Node* node = find_node(layer.name);
    if (node == nullptr) return {};
    if (IntegerWeights::has(integer_, layer)) return replace_weights(layer, *node);
    for (const ValueId id : layer.inputs) {
      if (id == kNoValue) continue;
      const Value& constant = integer_.value(id);
      if (!constant.constant || !constant.quant) continue;
      for (ValueId& read : node->inputs) {
        if (read == kNoValue) continue;
        const Value& original = graph_.value(read);
        const bool same = original.constant && constant.name.starts_with(original.name) &&
                          original.constant->type() == DataType::kFloat32 &&
                          original.constant->shape() == constant.constant->shape();
        if (!same) continue;
        QUANT_TRY_ASSIGN(Tensor real, dequantize_tensor(*constant.constant, *constant.quant));
        read = graph_.add_constant(layer.name + "/hybrid_" + original.name, std::move(real));
        break;
      }
    }
    return {};
  }

  Status replace_weights(const Node& layer, Node& node) {
    const IntegerWeights stored(integer_, layer);
    const auto input = std::find_if(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      return id != kNoValue && !graph_.value(id).constant;
    });
    if (input == node.inputs.end() || node.outputs.empty()) return {};
    const ValueId read = *input;
    const std::vector<float> weights = stored.weights();
    const std::vector<double> real_bias = stored.bias();
    const std::vector<float> bias(real_bias.begin(), real_bias.end());
    const Shape bias_shape = {static_cast<std::int64_t>(bias.size())};
    const Shape& shape = integer_.value(layer.inputs[1]).shape;
    const ValueId bias_id = add_constant(layer.name + "/hybrid_bias", bias_shape, bias);
    if (node.op == OpKind::kMatMul) {
      const auto rows = static_cast<std::size_t>(shape[0]);
      const auto depth = static_cast<std::size_t>(shape[1]);
      std::vector<float> columns(weights.size());
      for (std::size_t i = 0; i < weights.size(); ++i)
        columns[i % depth * rows + i / depth] = weights[i];
      node.inputs[1] = add_constant(layer.name + "/hybrid_weights", {shape[1], shape[0]}, columns);
      if (node.inputs.size() < 3) return put_bias_behind(layer, node.outputs[0], bias_id);
      node.inputs[2] = bias_id;
      return {};
    }
    node.inputs = {read, add_constant(layer.name + "/hybrid_weights", shape, weights), bias_id};
    if (node.op == OpKind::kGemm) {
      node.attributes.set("transB", std::int64_t{1});
      node.attributes.set("alpha", 1.0F);
      node.attributes.set("beta", 1.0F);
      return {};
    }
    node.op = layer.op;  // normalizations and arithmetic by channel are convolutions there
    node.attributes = without_integer_attributes(layer.attributes);
    return {};
  }

  // The bias of a product without one of its own is an addition behind it; there may be none yet.
  Status put_bias_behind(const Node& layer, ValueId product, ValueId bias) {
    if (graph_.value(product).name != integer_.value(layer.outputs[0]).name) {
      for (Node& node : graph_.nodes) {
        if (node.op != OpKind::kAdd || node.inputs.size() != 2) continue;
        for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
          if (node.inputs[side] == product && graph_.value(node.inputs[1 - side]).constant) {
            node.inputs[1 - side] = bias;
            return {};
          }
        }
      }
    }
    return append(OpKind::kAdd, layer.name + "/hybrid_add", {product, bias}, {}, product).status;
  }

  struct Appended {
    ValueId value = kNoValue;
    Status status;
  };
  // A node behind `behind`, for all its readers; kNoValue: for none yet.
  Appended append(OpKind op, const std::string& name, std::vector<ValueId> inputs,
                  const Attributes& attributes, ValueId behind) {
    Value value;
    value.name = name;
    const ValueId made = graph_.add_value(std::move(value));
    Node node;
    node.op = op;
    node.name = name;
    node.attributes = attributes;
    node.inputs = std::move(inputs);
    node.outputs = {made};
    if (behind != kNoValue) {
      for (Node& reader : graph_.nodes)
        std::replace(reader.inputs.begin(), reader.inputs.end(), behind, made);
      std::replace(graph_.outputs.begin(), graph_.outputs.end(), behind, made);
    }
    Status status = infer_node(graph_, node);
    graph_.nodes.push_back(std::move(node));
    return {made, std::move(status)};
  }

  // QuantizeLinear and DequantizeLinear behind what `layer` makes as `made`.
  Status round(const Node& layer, ValueId made) {
    const Value& value = integer_.value(made);
    const auto own = graph_.find_value(value.name);
    if (own && value.quant && graph_.value(*own).type == DataType::kFloat32) {
      QUANT_TRY_ASSIGN(rounded_[value.name], append_rounding(value.name, *own, *value.quant, true));
      return {};
    }
    if (layer.op != OpKind::kRequantize || !value.quant) return {};
    // A change of precision: the same value, for some of its readers.
    const std::string& source_name = integer_.value(layer.inputs[0]).name;
    const auto source = graph_.find_value(source_name);
    if (!source) return {};
    const auto known = rounded_.find(source_name);
    const ValueId current = known == rounded_.end() ? *source : known->second;
    QUANT_TRY_ASSIGN(const ValueId changed,
                     append_rounding(value.name, current, *value.quant, false));
    for (const Node& reader : integer_.nodes) {
      if (std::find(reader.inputs.begin(), reader.inputs.end(), made) != reader.inputs.end())
        redirect(reader.name, current, changed);
    }
    return {};
  }

  // Behind a float value; for all its readers or, as yet, for none. Gives the rounded value.
  Result<ValueId> append_rounding(const std::string& name, ValueId id, const QuantParams& params,
                                  bool for_all) {
    const std::size_t count = params.scale.size();
    std::vector<float> scale(count);
    Tensor zero_point(params.type, count == 1 ? Shape{} : Shape{static_cast<std::int64_t>(count)});
    for (std::size_t c = 0; c < count; ++c) {
      scale[c] = params.scale[c];
      if (params.type == DataType::kUint16) {
        zero_point.data<std::uint16_t>()[c] = static_cast<std::uint16_t>(params.zero_point[c]);
      } else {
        zero_point.data<std::uint8_t>()[c] = static_cast<std::uint8_t>(params.zero_point[c]);
      }
    }
    const ValueId scale_id = add_constant(name + "/hybrid_scale", zero_point.shape(), scale);
    const ValueId zero_id = graph_.add_constant(name + "/hybrid_zero", std::move(zero_point));
    Attributes attributes;
    if (params.per_channel()) attributes.set("axis", std::int64_t{params.axis});
    Appended quantized = append(OpKind::kQuantizeLinear, name + "/hybrid_q",
                                {id, scale_id, zero_id}, attributes, kNoValue);
    QUANT_TRY(std::move(quantized.status));
    Node last = graph_.nodes.back();
    graph_.nodes.pop_back();  // it reads `id` itself
    Appended real =
        append(OpKind::kDequantizeLinear, name + "/hybrid_dq", {quantized.value, scale_id, zero_id},
               attributes, for_all ? id : kNoValue);
    QUANT_TRY(std::move(real.status));
    graph_.nodes.push_back(std::move(last));
    return real.value;
  }

  // Lets the node of that name, or the chain of nodes that became its lookup table, read `to` where
  // it read `from`.
  void redirect(const std::string& reader, ValueId from, ValueId to) {
    constexpr int kLongestChain = 64;
    Node* node = find_node(reader);
    for (int i = 0; node != nullptr && i < kLongestChain; ++i) {
      if (std::find(node->inputs.begin(), node->inputs.end(), from) != node->inputs.end()) {
        std::replace(node->inputs.begin(), node->inputs.end(), from, to);
        return;
      }
      Node* before = nullptr;
      for (Node& other : graph_.nodes) {
        for (const ValueId id : node->inputs) {
          if (std::find(other.outputs.begin(), other.outputs.end(), id) != other.outputs.end())
            before = &other;
        }
      }
      node = before;
    }
  }

  const Graph& integer_;
  Graph graph_;
  std::map<std::string, ValueId> rounded_;  // by name of the value
};

}  // namespace

Result<NoiseSubject> noise_subject(const Model& model) {
  NoiseSubject subject;
  subject.input = model.input();
  QUANT_TRY_ASSIGN(subject.float_network, model.fp_optimized());
  subject.integer = std::make_shared<const Graph>(model.integer_graph());
  subject.host = std::make_shared<const Graph>(model.host_graph());
  QUANT_TRY_ASSIGN(const ModelScript script,
                   parse_model_script({"script.alls", model.archive().script}));
  QUANT_TRY_ASSIGN(ScaledNetwork scaled,
                   with_copies_and_scales(*subject.float_network, *subject.integer));
  subject.scaled = std::move(scaled.scaled);
  subject.float_network = std::make_shared<const Graph>(std::move(scaled.network));
  if (!script.matmul_equalizations.empty()) {
    QUANT_TRY_ASSIGN(Graph products, with_product_scales(*subject.float_network, *subject.integer));
    subject.float_network = std::make_shared<const Graph>(std::move(products));
  }
  return subject;
}

std::vector<Layer> hybrid_layers(const NoiseSubject& subject) {
  return layers_of(*subject.integer, {}, {}, "");
}

Result<Graph> hybrid_network(const NoiseSubject& subject, const std::set<std::string>& quantized) {
  return HybridNetwork(subject).run(quantized);
}

}  // namespace quant
