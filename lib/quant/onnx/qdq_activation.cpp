// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_activation.h"

#include <cmath>

namespace quant {
namespace {

// The level that the emulator takes for a bound, relative to the zero point; QuantizeLinear holds
// it inside the type.
double level_of(float bound, float scale) {
  return std::nearbyint(static_cast<double>(bound) / scale);
}

// The bound itself where float32 rounds it to the same level, else that level's real value.
float real_bound(float bound, float scale) {
  const auto level = static_cast<float>(level_of(bound, scale));
  return std::nearbyint(bound / scale) == level ? bound : level * scale;
}

// Clip takes one bound; a bound per channel wants Max and Min.
std::string add_channel_activation(const QdqContext& context, const Node& node,
                                   const std::string& computed, const std::string& activated,
                                   bool in_steps) {
  const Value& output = context.graph.value(node.outputs[0]);
  const std::vector<float>& scales = output.quant->scale;
  Shape shape(output.shape.size() - static_cast<std::size_t>(output.quant->axis), 1);
  shape[0] = static_cast<std::int64_t>(scales.size());
  std::string result = computed;
  for (const bool upper : {false, true}) {
    const char* attribute = upper ? "activation_max" : "activation_min";
    if (!node.attributes.has(attribute)) continue;
    const float bound = node.attributes.number(attribute, 0);
    std::vector<float> bounds;
    bounds.reserve(scales.size());
    for (const float scale : scales)
      bounds.push_back(in_steps ? static_cast<float>(level_of(bound, scale))
                                : real_bound(bound, scale));
    const std::string limit = context.out.derive(activated, upper ? "_max" : "_min");
    context.out.add_constant(limit, Tensor::from<float>(shape, bounds));
    const bool last = upper || !node.attributes.has("activation_max");
    const std::string next = last ? activated : context.out.derive(activated, "_above");
    const char* op = upper ? "Min" : "Max";
    context.out.add_node(op, node.name + "/" + op, {result, limit}, {next});
    result = next;
  }
  return result;
}

}  // namespace

std::string add_activation(const QdqContext& context, const Node& node, const std::string& computed,
                           bool in_steps) {
  const bool has_max = node.attributes.has("activation_max");
  if (!node.attributes.has("activation_min") && !has_max) return computed;
  const Value& output = context.graph.value(node.outputs[0]);
  std::string activated = context.out.derive(output.name, "_activated");
  // Zero is a level of its own in every tensor, so that steps and real values have the same sign.
  if (!has_max && node.attributes.number("activation_min", 0) == 0) {
    context.out.add_node("Relu", node.name + "/Relu", {computed}, {activated});
    return activated;
  }
  if (output.quant->per_channel())
    return add_channel_activation(context, node, computed, activated, in_steps);
  std::vector<std::string> inputs = {computed};
  for (const std::string end : {"min", "max"}) {
    const std::string attribute = "activation_" + end;
    inputs.emplace_back();
    if (!node.attributes.has(attribute)) continue;
    const float bound = node.attributes.number(attribute, 0);
    inputs.back() = context.out.derive(activated, "_" + end);
    const float scale = output.quant->scale[0];
    context.out.add_constant(inputs.back(),
                             Tensor::scalar(in_steps ? static_cast<float>(level_of(bound, scale))
                                                     : real_bound(bound, scale)));
  }
  context.out.add_node("Clip", node.name + "/Clip", inputs, {activated});
  return activated;
}

}  // namespace quant
