// SPDX-License-Identifier: MIT
#include "quant/optimize/given_quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/graph/operator.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower_weighted.h"

namespace quant {
namespace {

bool has_stored_weights(const Graph& graph, const Node& node) {
  const bool weighted = node.op == OpKind::kConv || node.op == OpKind::kConvTranspose ||
                        node.op == OpKind::kGemm || node.op == OpKind::kMatMul;
  return weighted && node.inputs.size() > 1 && graph.value(node.inputs[1]).constant &&
         graph.value(node.inputs[1]).quant;
}

// Bits of the integers that the weights are multiples of their scales by.
Result<int> weight_bits(const FloatLayer& layer) {
  const auto weights = layer.weights.data<float>();
  const bool transposed = layer.op == OpKind::kConvTranspose;
  const auto inner =
      static_cast<std::size_t>(row_major_strides(layer.weights.shape())[transposed ? 1 : 0]);
  double least = 0;
  double most = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double scale = layer.weight_scales[i / inner % layer.weight_scales.size()];
    const double level = std::nearbyint(weights[i] / scale);
    least = std::min(least, level);
    most = std::max(most, level);
  }
  if (least >= -128 && most <= 127) return 8;
  if (least >= -32768 && most <= 32767) return 16;
  return fail(ErrorCode::kUnsupported,
              fmt::format("its weights are integers from {} to {}, without their zero points; at "
                          "most 16 bits are supported",
                          least, most));
}

}  // namespace

std::vector<float> scales_by_channel(const Value& weights, int axis, std::size_t channels) {
  if (!weights.quant || weights.quant->type == DataType::kInt32) return {};
  std::vector<float> scales = weights.quant->scale;
  if (scales.size() == 1) scales.resize(channels, scales[0]);
  if (scales.size() != channels || (weights.quant->per_channel() && weights.quant->axis != axis))
    return {};
  // A channel of zeros may have any scale, and some exporters write 0.
  for (float& scale : scales) scale = scale != 0 && std::isfinite(scale) ? std::abs(scale) : 1.0F;
  return scales;
}

Result<QuantizationPlan> given_plan(const Graph& graph) {
  QuantizationPlan plan;
  plan.layers.resize(graph.nodes.size());
  std::vector<int> bits(graph.values.size(), 8);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    PrecisionMode& mode = plan.layers[index].precision;
    for (const ValueId id : activation_inputs(graph, node))
      mode.input_bits = std::max(mode.input_bits, bits[static_cast<std::size_t>(id)]);
    if (has_stored_weights(graph, node) && integer_form(graph, node) == IntegerForm::kWeighted) {
      const auto layer = channel_layer(graph, node);
      if (!layer || layer->weight_scales.empty()) {
        return fail(ErrorCode::kUnsupported,
                    "the scales of its weights do not belong to its output channels",
                    display_name(node));
      }
      auto needed = weight_bits(*layer);
      if (!needed) return fail_with_context(std::move(needed).error(), display_name(node));
      mode.weight_bits = *needed;
    }
    mode.output_bits = mode.input_bits;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      const auto& quant = graph.value(id).quant;
      if (quant) mode.output_bits = quant->type == DataType::kUint16 ? 16 : 8;
      bits[static_cast<std::size_t>(id)] = mode.output_bits;
    }
  }
  return plan;
}

}  // namespace quant
