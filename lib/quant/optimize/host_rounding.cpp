// SPDX-License-Identifier: MIT
#include "quant/optimize/host_rounding.h"

#include <utility>

namespace quant {
namespace {

ValueId add_constant(Graph& host, const std::string& name, const QuantParams& params) {
  const auto zero_point = static_cast<int>(params.zero_point[0]);
  if (params.type == DataType::kUint16)
    return host.add_constant(name, Tensor::scalar(static_cast<std::uint16_t>(zero_point)));
  return host.add_constant(name, Tensor::scalar(static_cast<std::uint8_t>(zero_point)));
}

// Appends the pair that makes `rounded` of a new value, which is returned.
ValueId append_rounding(Graph& host, ValueId rounded, std::vector<Node>& nodes) {
  const Value target = host.value(rounded);
  const QuantParams& params = *target.quant;
  Value exact;
  exact.name = target.name + "/exact";
  exact.shape = target.shape;
  const ValueId from = host.add_value(std::move(exact));
  Value levels;
  levels.name = target.name + "/levels";
  levels.type = params.type;
  levels.shape = target.shape;
  const ValueId between = host.add_value(std::move(levels));
  const ValueId scale = host.add_constant(target.name + "/scale", Tensor::scalar(params.scale[0]));
  const ValueId zero_point = add_constant(host, target.name + "/zero_point", params);
  Node quantize;
  quantize.op = OpKind::kQuantizeLinear;
  quantize.name = target.name + "/quantize";
  quantize.original_names = {target.name};
  quantize.inputs = {from, scale, zero_point};
  quantize.outputs = {between};
  Node dequantize = quantize;
  dequantize.op = OpKind::kDequantizeLinear;
  dequantize.name = target.name + "/dequantize";
  dequantize.inputs[0] = between;
  dequantize.outputs = {rounded};
  nodes.push_back(std::move(quantize));
  nodes.push_back(std::move(dequantize));
  return from;
}

}  // namespace

void round_on_host(Graph& host) {
  std::vector<Node> nodes;
  for (Node& node : host.nodes) {
    std::vector<Node> pairs;
    for (ValueId& id : node.outputs) {
      if (id != kNoValue && host.value(id).quant) id = append_rounding(host, id, pairs);
    }
    nodes.push_back(std::move(node));
    std::move(pairs.begin(), pairs.end(), std::back_inserter(nodes));
  }
  host.nodes = std::move(nodes);
  for (Value& value : host.values) value.quant.reset();
}

}  // namespace quant
