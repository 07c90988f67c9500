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

}  // namespace

std::string add_activation(const QdqContext& context, const Node& node, const std::string& computed,
                           bool in_steps) {
  const bool has_max = node.attributes.has("activation_max");
  if (!node.attributes.has("activation_min") && !has_max) return computed;
  const Value& output = context.graph.value(node.outputs[0]);
  const std::string activated = context.out.derive(output.name, "_activated");
  // Zero is a level of its own in every tensor, so that steps and real values have the same sign.
  if (!has_max && node.attributes.number("activation_min", 0) == 0) {
    context.out.add_node("Relu", node.name + "/Relu", {computed}, {activated});
    return activated;
  }
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

Attributes without_activation(Attributes attributes) {
  attributes.erase("activation_min");
  attributes.erase("activation_max");
  return attributes;
}

}  // namespace quant
