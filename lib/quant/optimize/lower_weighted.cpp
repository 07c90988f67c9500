// SPDX-License-Identifier: MIT
#include "quant/optimize/lower_weighted.h"

#include <algorithm>
#include <cmath>

#include "quant/optimize/choose_params.h"
#include "quant/optimize/given_quantization.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/weight_groups.h"

namespace quant {
namespace {

std::vector<float> broadcast(std::span<const float> values, std::size_t count) {
  if (values.size() == 1) return std::vector<float>(count, values[0]);
  return {values.begin(), values.end()};
}

void copy_clamp(const Attributes& from, Attributes& to) {
  for (const char* name : {"activation_min", "activation_max"}) {
    if (from.has(name)) to.set(name, from.number(name, 0));
  }
}

// Explicit pads [top, left, bottom, right] of a convolution, whatever auto_pad says.
std::vector<std::int64_t> explicit_pads(const Graph& graph, const Node& node, bool transposed) {
  const std::string auto_pad = node.attributes.text("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET" && !transposed) return node.attributes.integers("pads", {0, 0, 0, 0});
  const Shape& in = graph.value(node.inputs[0]).shape;
  const Shape& out = graph.value(node.outputs[0]).shape;
  const Shape& weights = graph.value(node.inputs[1]).shape;
  const auto strides = node.attributes.integers("strides", {1, 1});
  const auto dilations = node.attributes.integers("dilations", {1, 1});
  const auto given = node.attributes.integers("pads", {0, 0, 0, 0});
  const bool by_size = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER" ||
                       (transposed && node.attributes.has("output_shape"));
  std::vector<std::int64_t> pads(4, 0);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t extent = (weights[axis + 2] - 1) * dilations[axis] + 1;
    const std::int64_t full = transposed ? (in[axis + 2] - 1) * strides[axis] + extent
                                         : (out[axis + 2] - 1) * strides[axis] + extent;
    const std::int64_t target = transposed ? out[axis + 2] : in[axis + 2];
    const std::int64_t total = full - target;
    if (auto_pad == "VALID") {
      pads[axis] = 0;
    } else if (!by_size) {
      pads[axis] = given[axis];
    } else if (auto_pad == "SAME_LOWER" || (transposed && auto_pad == "NOTSET")) {
      pads[axis] = std::max<std::int64_t>(total, 0) - std::max<std::int64_t>(total, 0) / 2;
    } else {
      pads[axis] = std::max<std::int64_t>(total, 0) / 2;
    }
    pads[axis + 2] = total - pads[axis];
  }
  return pads;
}

FloatLayer convolution(const Graph& graph, const Node& node) {
  FloatLayer layer;
  layer.op = node.op;
  layer.input = node.inputs[0];
  layer.weights = *graph.value(node.inputs[1]).constant;
  const bool transposed = node.op == OpKind::kConvTranspose;
  const std::int64_t groups = node.attributes.integer("group", 1);
  const auto channels = static_cast<std::size_t>(transposed ? layer.weights.shape()[1] * groups
                                                            : layer.weights.shape()[0]);
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  layer.bias = has_bias ? broadcast(graph.value(node.inputs[2]).constant->data<float>(), channels)
                        : std::vector<float>(channels, 0.0F);
  layer.attributes.set("strides", node.attributes.integers("strides", {1, 1}));
  layer.attributes.set("dilations", node.attributes.integers("dilations", {1, 1}));
  layer.attributes.set("pads", explicit_pads(graph, node, transposed));
  layer.attributes.set("group", groups);
  layer.weight_scales =
      transposed && groups > 1
          ? scales_by_channel(graph.value(node.inputs[1]), -1, 1)
          : scales_by_channel(graph.value(node.inputs[1]), transposed ? 1 : 0, channels);
  return layer;
}

// Gemm and MatMul: weights to (N, K).
FloatLayer product(const Graph& graph, const Node& node) {
  FloatLayer layer;
  layer.op = OpKind::kGemm;
  layer.input = node.inputs[0];
  const Tensor& source = *graph.value(node.inputs[1]).constant;
  const bool by_rows = node.op == OpKind::kGemm && node.attributes.integer("transB", 0) != 0;
  const float alpha = node.op == OpKind::kGemm ? node.attributes.number("alpha", 1.0F) : 1.0F;
  const float beta = node.op == OpKind::kGemm ? node.attributes.number("beta", 1.0F) : 1.0F;
  const auto rows = static_cast<std::size_t>(by_rows ? source.shape()[0] : source.shape()[1]);
  const auto depth = static_cast<std::size_t>(by_rows ? source.shape()[1] : source.shape()[0]);
  layer.weights = Tensor(DataType::kFloat32,
                         {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(depth)});
  const auto from = source.data<float>();
  const auto to = layer.weights.data<float>();
  for (std::size_t n = 0; n < rows; ++n) {
    for (std::size_t k = 0; k < depth; ++k)
      to[n * depth + k] = alpha * (by_rows ? from[n * depth + k] : from[k * rows + n]);
  }
  layer.weight_scales = scales_by_channel(graph.value(node.inputs[1]), by_rows ? 0 : 1, rows);
  for (float& scale : layer.weight_scales) scale *= std::abs(alpha);
  layer.bias.assign(rows, 0.0F);
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    layer.bias = broadcast(graph.value(node.inputs[2]).constant->data<float>(), rows);
    for (float& value : layer.bias) value *= beta;
  }
  return layer;
}

FloatLayer depthwise(ValueId input, const std::vector<float>& scale,
                     const std::vector<float>& shift) {
  FloatLayer layer;
  layer.input = input;
  const auto channels = static_cast<std::int64_t>(scale.size());
  layer.weights = Tensor::from<float>({channels, 1, 1, 1}, scale);
  layer.bias = shift;
  layer.attributes.set("strides", std::vector<std::int64_t>{1, 1});
  layer.attributes.set("dilations", std::vector<std::int64_t>{1, 1});
  layer.attributes.set("pads", std::vector<std::int64_t>{0, 0, 0, 0});
  layer.attributes.set("group", channels);
  return layer;
}

std::optional<FloatLayer> batch_normalization(const Graph& graph, const Node& node) {
  const auto constant = [&](std::size_t input) {
    return graph.value(node.inputs[input]).constant->data<float>();
  };
  const double epsilon = node.attributes.number("epsilon", 1e-5F);
  std::vector<float> scale;
  std::vector<float> shift;
  for (std::size_t c = 0; c < constant(1).size(); ++c) {
    const double factor = constant(1)[c] / std::sqrt(static_cast<double>(constant(4)[c]) + epsilon);
    scale.push_back(static_cast<float>(factor));
    shift.push_back(static_cast<float>(constant(2)[c] - constant(3)[c] * factor));
  }
  return depthwise(node.inputs[0], scale, shift);
}

std::optional<FloatLayer> input_normalization(const Graph& graph, const Node& node) {
  const auto channels = static_cast<std::size_t>(graph.value(node.inputs[0]).shape[1]);
  const auto mean = broadcast(node.attributes.get<std::vector<float>>("mean", {}), channels);
  const auto std = broadcast(node.attributes.get<std::vector<float>>("std", {}), channels);
  std::vector<float> scale;
  std::vector<float> shift;
  for (std::size_t c = 0; c < channels; ++c) {
    scale.push_back(static_cast<float>(1.0 / std[c]));
    shift.push_back(static_cast<float>(-static_cast<double>(mean[c]) / std[c]));
  }
  return depthwise(node.inputs[0], scale, shift);
}

// x + c, x − c, c − x, x · c, x / c with one c per channel of a feature map.
std::optional<FloatLayer> channel_arithmetic(const Graph& graph, const Node& node) {
  const bool first_constant = graph.value(node.inputs[0]).constant.has_value();
  const ValueId input = node.inputs[first_constant ? 1 : 0];
  const ValueId other = node.inputs[first_constant ? 0 : 1];
  const Shape& shape = graph.value(input).shape;
  if (shape.size() != 4 || graph.value(node.outputs[0]).shape != shape ||
      graph.value(other).quant || !is_channel_constant(graph, other, shape[1])) {
    return std::nullopt;
  }
  const auto channels = static_cast<std::size_t>(shape[1]);
  std::vector<float> values = broadcast(graph.value(other).constant->data<float>(), channels);
  const std::vector<float> ones(channels, 1.0F);
  const std::vector<float> zeros(channels, 0.0F);
  switch (node.op) {
    case OpKind::kAdd:
      return depthwise(input, ones, values);
    case OpKind::kMul:
      return depthwise(input, values, zeros);
    case OpKind::kSub:
      if (first_constant) return depthwise(input, std::vector<float>(channels, -1.0F), values);
      for (float& value : values) value = -value;
      return depthwise(input, ones, values);
    case OpKind::kDiv:
      if (first_constant) return std::nullopt;
      for (float& value : values) value = static_cast<float>(1.0 / value);
      return depthwise(input, values, zeros);
    default:
      return std::nullopt;
  }
}

// The input channel that a weight is multiplied with; of a Conv.
class InputChannels {
 public:
  explicit InputChannels(const FloatLayer& layer) {
    const Shape& shape = layer.weights.shape();
    inputs_ = static_cast<std::size_t>(shape[1]);
    kernel_ = static_cast<std::size_t>(shape.size() == 4 ? shape[2] * shape[3] : 1);
    group_outputs_ =
        layer.bias.size() / static_cast<std::size_t>(layer.attributes.integer("group", 1));
  }
  std::size_t of(std::size_t weight) const {
    const std::size_t depth = inputs_ * kernel_;
    return weight / depth / group_outputs_ * inputs_ + weight % depth / kernel_;
  }

 private:
  std::size_t inputs_ = 0;
  std::size_t kernel_ = 0;
  std::size_t group_outputs_ = 0;
};

}  // namespace

std::optional<FloatLayer> channel_layer(const Graph& graph, const Node& node) {
  std::optional<FloatLayer> layer;
  switch (node.op) {
    case OpKind::kConv:
    case OpKind::kConvTranspose:
      layer = convolution(graph, node);
      break;
    case OpKind::kGemm:
      layer = product(graph, node);
      break;
    case OpKind::kMatMul:
      if (graph.value(node.inputs[1]).constant) layer = product(graph, node);
      break;
    case OpKind::kBatchNormalization:
      layer = batch_normalization(graph, node);
      break;
    case OpKind::kNormalization:
      layer = input_normalization(graph, node);
      break;
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      if (activation_inputs(graph, node).size() == 1) layer = channel_arithmetic(graph, node);
      break;
    // Everything else computes without weights.
    default:
      break;
  }
  if (layer) copy_clamp(node.attributes, layer->attributes);
  return layer;
}

Tensor weights_to_round(const FloatLayer& layer, const QuantParams& input) {
  if (input.is_plain()) return layer.weights;
  Tensor weights = layer.weights.clone();
  const auto data = weights.data<float>();
  const InputChannels channels(layer);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<float>(static_cast<double>(data[i]) *
                                 input.scale[input.scale.size() == 1 ? 0 : channels.of(i)]);
  }
  return weights;
}

Result<IntegerLayer> quantize_layer(const FloatLayer& layer, const QuantParams& input,
                                    const LayerPlan& plan,
                                    const std::optional<WeightSteps>& steps) {
  const auto finite = [](float value) { return std::isfinite(value); };
  const auto data = layer.weights.data<float>();
  if (!std::all_of(data.begin(), data.end(), finite) ||
      !std::all_of(layer.bias.begin(), layer.bias.end(), finite)) {
    return fail(ErrorCode::kInvalidData, "the weights hold NaN or infinity");
  }
  const int bits = plan.precision.weight_bits;
  const bool scale_in_weights = !input.is_plain();
  const Tensor weights = weights_to_round(layer, input);
  const auto outputs = layer.bias.size();
  const double input_scale = scale_in_weights ? 1.0 : input.scale[0];

  const bool one_scale =  // a grouped transpose has its output channels on two axes
      layer.op == OpKind::kConvTranspose && layer.attributes.integer("group", 1) > 1;
  const int axis = layer.op == OpKind::kConvTranspose ? 1 : 0;
  IntegerLayer result;
  const Tensor scaled = one_scale ? weights.reshaped({1, weights.elements()}) : weights;
  const int scale_axis = one_scale ? 0 : axis;
  // A frame that differs in its zero points alone leaves the weights as they are.
  const bool scales_input = std::any_of(input.scale.begin(), input.scale.end(),
                                        [](float scale) { return scale != 1.0F; });
  const bool stored = !steps && !layer.weight_scales.empty() && !(scale_in_weights && scales_input);
  const auto groups =
      stored ? std::nullopt : planned_groups(plan, layer.op, layer.attributes, weights.shape());
  QuantParams& params = result.steps.params;
  params = steps    ? steps->params
           : groups ? grouped_weight_params(scaled, scale_axis, plan.scaling)
                    : weight_params(scaled, scale_axis, bits, plan.scaling);
  std::vector<float>& scales = params.scale;
  if (stored) scales = layer.weight_scales;
  // Where the file stores weights it stores int32 biases, too.
  const bool wide = input.type == DataType::kUint16 || (bits == 16 && !stored);
  // A channel whose weights are far smaller than its bias needs coarser steps, or the bias leaves
  // its integers: int32 with a margin of two for the sum of products (stored ones are taken as they
  // are), or the 2^53 below which doubles are exact with one of four.
  const double largest_bias =
      wide ? std::ldexp(1.0, 51) : std::ldexp(1.0, 30) * (stored ? 1.999 : 1.0);
  for (std::size_t o = 0; o < outputs; ++o) {
    float& scale = scales[one_scale ? 0 : o];
    scale = std::max(scale, static_cast<float>(std::abs(static_cast<double>(layer.bias[o])) /
                                               (input_scale * largest_bias)));
  }
  if (groups) {
    result.steps.multiples =
        steps ? steps->multiples : choose_multiples(weights, params, *groups, plan.scaling);
  }
  const Tensor levels = groups   ? round_in_groups(weights, params, *groups, result.steps.multiples)
                        : stored ? stored_weights(scaled, params)
                                 : round_weights(scaled, params, bits);

  std::vector<double> offset(outputs, 0.0);
  if (scale_in_weights) {
    // The kernel subtracts the rounded zero point; what rounding left is a constant per output
    // channel.
    const auto inner = static_cast<std::size_t>(
        row_major_strides(weights.shape())[static_cast<std::size_t>(axis)]);
    const InputChannels channels(layer);
    const auto add_offsets = [&](auto values) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double zero_point =
            input.zero_point[input.zero_point.size() == 1 ? 0 : channels.of(i)];
        offset[one_scale ? 0 : i / inner % outputs] +=
            values[i] * (std::nearbyint(zero_point) - zero_point);
      }
    };
    if (bits == 16) {
      add_offsets(levels.data<std::int16_t>());
    } else {
      add_offsets(levels.data<std::int8_t>());
    }
  }
  result.bias =
      Tensor(wide ? DataType::kInt64 : DataType::kInt32, {static_cast<std::int64_t>(outputs)});
  result.bias_params.type = result.bias.type();
  result.bias_params.zero_point.assign(scales.size(), 0.0F);
  for (const float scale : scales)
    result.bias_params.scale.push_back(static_cast<float>(input_scale * scale));
  for (std::size_t o = 0; o < outputs; ++o) {
    const double level =
        std::nearbyint(layer.bias[o] / (input_scale * scales[one_scale ? 0 : o]) + offset[o]);
    if (wide) {
      result.bias.data<std::int64_t>()[o] = static_cast<std::int64_t>(level);
    } else {
      result.bias.data<std::int32_t>()[o] = static_cast<std::int32_t>(level);
    }
  }
  result.weights = levels.reshaped(weights.shape());
  return result;
}

}  // namespace quant
