// SPDX-License-Identifier: MIT
#include "quant/passes/stored_integers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "quant/graph/operator.h"
#include "quant/onnx/folded_params.h"

namespace quant {

Result<QuantParams> stored_params(const Graph& graph, ValueId scale, ValueId zero_point,
                                  DataType type) {
  if (size_of(type) > 2) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("quantizes an activation to {}", to_string(type)));
  }
  const auto scales = graph.value(scale).constant->data<float>();
  QuantParams params;
  params.type = type;
  params.scale.assign(scales.begin(), scales.end());
  params.zero_point.assign(scales.size(), 0.0F);
  if (zero_point != kNoValue)
    params.zero_point = integers_as_floats(*graph.value(zero_point).constant);
  if (params.scale.empty() || params.zero_point.size() != params.scale.size())
    return fail(ErrorCode::kInvalidData, "has not as many zero points as scales, or none");
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

Status check_whole(const QuantParams& params) {
  if (!params.per_channel()) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("quantizes an activation with {} scales; only one scale for a whole "
                          "activation is supported",
                          params.scale.size()));
}

Result<ValueId> add_real_constant(Graph& graph, const Node& node, std::size_t index,
                                  std::int64_t axis) {
  Node dequantization;
  dequantization.op = OpKind::kDequantizeLinear;
  dequantization.attributes.set("axis", axis);
  std::vector<const Tensor*> integers;
  for (std::size_t i = index; i < std::min(index + 3, node.inputs.size()); ++i) {
    if (node.inputs[i] == kNoValue) break;
    dequantization.inputs.push_back(node.inputs[i]);
    integers.push_back(&*graph.value(node.inputs[i]).constant);
  }
  QUANT_TRY_ASSIGN(std::vector<Tensor> reals, evaluate_node(dequantization, integers));
  const ValueId id =
      graph.add_constant(graph.value(node.outputs[0]).name + "/dequantized", std::move(reals[0]));
  graph.value(id).quant = folded_params(graph, dequantization);
  return id;
}

ValueId add_real_bias(Graph& graph, const Node& node) {
  const Tensor& bias = *graph.value(node.inputs[8]).constant;
  const double x_scale = graph.value(node.inputs[1]).constant->data<float>()[0];
  const auto w_scales = graph.value(node.inputs[4]).constant->data<float>();
  const auto integers = bias.data<std::int32_t>();
  const std::int64_t channels = graph.value(node.inputs[3]).shape[0];
  Tensor reals(DataType::kFloat32, {channels});
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    const double scale = x_scale * w_scales[w_scales.size() == 1 ? 0 : c];
    reals.data<float>()[c] = static_cast<float>(integers[integers.size() == 1 ? 0 : c] * scale);
  }
  return graph.add_constant(graph.value(node.outputs[0]).name + "/bias", std::move(reals));
}

void append_reinterpretation(Graph& graph, ValueId real, ValueId output, QuantParams params,
                             std::vector<std::string> names) {
  const QuantParams made = *graph.value(real).quant;
  Shape shape;
  if (params.per_channel()) {
    shape.assign(graph.value(output).shape.size() - static_cast<std::size_t>(params.axis), 1);
    shape[0] = static_cast<std::int64_t>(params.scale.size());
  }
  // real·s'/s + (zp − zp')·s'
  Tensor factor(DataType::kFloat32, shape);
  Tensor shift(DataType::kFloat32, shape);
  for (std::size_t i = 0; i < params.scale.size(); ++i) {
    factor.data<float>()[i] = params.scale[i] / made.scale[0];
    shift.data<float>()[i] = (made.zero_point[0] - params.zero_point[i]) * params.scale[i];
  }
  const std::string name = graph.value(output).name;
  Value scaled = graph.value(output);
  scaled.name = name + "/scaled";
  Node multiply;
  multiply.op = OpKind::kMul;
  multiply.original_names = std::move(names);
  multiply.inputs = {real, graph.add_constant(name + "/factor", std::move(factor))};
  multiply.outputs = {graph.add_value(std::move(scaled))};
  Node add = multiply;
  add.op = OpKind::kAdd;
  add.inputs = {multiply.outputs[0], graph.add_constant(name + "/shift", std::move(shift))};
  add.outputs = {output};
  graph.value(output).quant = std::move(params);
  graph.nodes.push_back(std::move(multiply));
  graph.nodes.push_back(std::move(add));
}

}  // namespace quant
