// SPDX-License-Identifier: MIT
// Convolutions and matrix products.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/conv_transpose2d.h"
#include "quant/kernels/integer/matmul.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

using integer::Conv2d;
using integer::ConvTranspose2d;
using integer::ConvTranspose2dSpec;

// What every layer with weights reads, checked; constants widened to what the kernels take.
struct WeightedInputs {
  DataType weight_type = DataType::kInt8;
  std::vector<std::int16_t> weights;
  std::vector<std::int64_t> bias;
  std::vector<std::int32_t> zero_points;
  Requantization requantization;

  // The fields that all specs have in common; spans into this.
  template <typename Spec>
  void fill(const IntegerPlanBuilder& builder, const Node& node, Spec& spec) const {
    spec.input_type = builder.type(node.inputs[0]);
    spec.weight_type = weight_type;
    spec.output_type = builder.type(node.outputs[0]);
    spec.weights = weights;
    spec.bias = bias;
    spec.input_zero_points = zero_points;
    spec.requantization = requantization;
  }
};

template <typename To, typename From>
std::vector<To> widened(const Tensor& constant) {
  const auto data = constant.data<From>();
  return {data.begin(), data.end()};
}

Status read_constants(const Value& x, const Value& weights, const Value& bias,
                      std::int64_t out_channels, WeightedInputs& result) {
  // Larger ones could leave int64 with the sum of products.
  constexpr std::int64_t kMostBias = std::int64_t{1} << 53;
  const bool bytes = weights.type == DataType::kInt8;
  if (!weights.constant || (!bytes && weights.type != DataType::kInt16) || !weights.quant) {
    return fail(ErrorCode::kInvalidData, "its weights are no int8 or int16 constant with scales");
  }
  result.weight_type = weights.type;
  result.weights = bytes ? widened<std::int16_t, std::int8_t>(*weights.constant)
                         : widened<std::int16_t, std::int16_t>(*weights.constant);
  const bool wide_bias = bias.type == DataType::kInt64 && (!bytes || x.type == DataType::kUint16);
  if (!bias.constant || (bias.type != DataType::kInt32 && !wide_bias) ||
      bias.constant->elements() != out_channels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("its bias is no int32 constant of {}, nor an int64 one beside 16-bit "
                            "input or weights",
                            out_channels));
  }
  result.bias = wide_bias ? widened<std::int64_t, std::int64_t>(*bias.constant)
                          : widened<std::int64_t, std::int32_t>(*bias.constant);
  for (const std::int64_t value : result.bias) {
    if (value > kMostBias || value < -kMostBias)
      return fail(ErrorCode::kInvalidData, fmt::format("its bias {} lies outside ±2^53", value));
  }
  return {};
}

// `out_axis`: of the output channels.
Result<WeightedInputs> weighted_inputs(const IntegerPlanBuilder& builder, const Node& node,
                                       std::int64_t in_channels, std::size_t out_axis) {
  const Graph& graph = builder.graph();
  const std::int64_t out_channels = builder.shape(node.outputs[0])[out_axis];
  if (node.inputs.size() != 3 || node.inputs[1] == kNoValue || node.inputs[2] == kNoValue) {
    return fail(ErrorCode::kInvalidData, "has not the three inputs x, weights, bias");
  }
  const Value& x = graph.value(node.inputs[0]);
  const Value& weights = graph.value(node.inputs[1]);
  WeightedInputs result;
  QUANT_TRY(read_constants(x, weights, graph.value(node.inputs[2]), out_channels, result));
  const auto scales = static_cast<std::int64_t>(weights.quant->scale.size());
  if (scales != 1 && scales != out_channels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("its weights have {} scales for {} channels", scales, out_channels));
  }
  const bool activation = x.type == DataType::kUint8 || x.type == DataType::kUint16;
  if (!activation || !x.quant || x.quant->zero_point.empty()) {
    return fail(ErrorCode::kInvalidData, "its input is no quantized uint8 or uint16 tensor");
  }
  const auto zero_points = static_cast<std::int64_t>(x.quant->zero_point.size());
  if (zero_points != 1 && zero_points != in_channels) {
    return fail(ErrorCode::kInvalidData, fmt::format("its input has {} zero points for {} channels",
                                                     zero_points, in_channels));
  }
  if (!x.quant->is_plain() && node.inputs[0] != graph.inputs[0]) {
    return fail(
        ErrorCode::kUnsupported,
        "reads other than one scale and an integer zero point, which only the frame may have",
        x.name);
  }
  const std::int32_t highest = greatest_activation(x.type);
  for (const float zero_point : x.quant->zero_point) {
    const float rounded = std::nearbyint(zero_point);
    if (!(rounded >= 0 && rounded <= static_cast<float>(highest)))
      return fail(ErrorCode::kInvalidData,
                  fmt::format("an input zero point lies outside 0…{}", highest));
    result.zero_points.push_back(static_cast<std::int32_t>(rounded));
  }
  const float input_scale = x.quant->is_plain() ? x.quant->scale[0] : 1.0F;
  QUANT_TRY_ASSIGN(auto output, builder.output_params(node, out_axis));
  result.requantization = make_requantization(input_scale, weights.quant->scale, output.scales,
                                              std::move(output.ranges));
  return result;
}

// Attributes of two (or four) integers, checked against limits that keep all index arithmetic in
// range.
Result<std::vector<std::int64_t>> sizes(const Node& node, const char* name, std::size_t count,
                                        std::int64_t least) {
  constexpr std::int64_t kMost = 1 << 16;
  const auto values = node.attributes.integers(name, std::vector<std::int64_t>(count, least));
  if (values.size() != count || std::any_of(values.begin(), values.end(), [&](std::int64_t v) {
        return v < least || v > kMost;
      })) {
    return fail(ErrorCode::kInvalidData, fmt::format("attribute '{}' has wrong values", name));
  }
  return values;
}

template <typename Layer>
void add_layer(IntegerPlanBuilder& builder, const Node& node, const char* kind,
               std::shared_ptr<Layer> layer, int from, int to) {
  builder.add_step({node.name,
                    fmt::format("{} {}", kind, to_string(layer->isa())),
                    {from},
                    {to},
                    [layer](int threads) { return layer->scratch_bytes(threads); },
                    [layer, from, to](const StepContext& context) {
                      layer->run(context.buffers[from], context.buffers[to], context.scratch,
                                 context.pool);
                    }});
}

Status plan_convolution(IntegerPlanBuilder& builder, const Node& node) {
  const bool transposed = node.op == OpKind::kConvTranspose;
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  if (in.size() != 4 || out.size() != 4 || node.inputs.size() < 2 ||
      builder.shape(node.inputs[1]).size() != 4) {
    return fail(ErrorCode::kUnsupported, "works on feature maps (N, C, H, W) only");
  }
  const Shape& weights = builder.shape(node.inputs[1]);
  QUANT_TRY_ASSIGN(const auto strides, sizes(node, "strides", 2, 1));
  QUANT_TRY_ASSIGN(const auto dilations, sizes(node, "dilations", 2, 1));
  // A transposed convolution may crop by less than nothing at the far end (output_padding).
  QUANT_TRY_ASSIGN(const auto pads, [&]() -> Result<std::vector<std::int64_t>> {
    auto all = node.attributes.integers("pads", {0, 0, 0, 0});
    if (all.size() != 4 || all[0] < 0 || all[1] < 0 || all[0] > (1 << 16) || all[1] > (1 << 16)) {
      return fail(ErrorCode::kInvalidData, "attribute 'pads' has wrong values");
    }
    return all;
  }());
  const std::int64_t groups = node.attributes.integer("group", 1);
  const std::int64_t weight_in = transposed ? weights[0] : weights[1] * groups;
  const std::int64_t weight_out = transposed ? weights[1] * groups : weights[0];
  if (groups < 1 || in[1] % groups != 0 || out[1] % groups != 0 || weight_in != in[1] ||
      weight_out != out[1] || in[0] != out[0]) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("weights {} and group {} do not fit {} → {}", to_string(weights),
                            groups, to_string(in), to_string(out)));
  }
  const auto reach = [&](std::size_t axis) {
    const std::int64_t extent = (weights[axis + 2] - 1) * dilations[axis] + 1;
    return transposed
               ? (in[axis + 2] - 1) * strides[axis] + extent - pads[axis]
               : (in[axis + 2] + pads[axis] + std::max<std::int64_t>(pads[axis + 2], 0) - extent) /
                         strides[axis] +
                     1;
  };
  for (std::size_t axis = 0; axis < 2; ++axis) {
    // More outputs than windows would read nothing but padding; no network has them.
    if (!transposed && out[axis + 2] > reach(axis))
      return fail(ErrorCode::kInvalidData, "its output is larger than its windows reach");
  }
  QUANT_TRY_ASSIGN(const WeightedInputs inputs, weighted_inputs(builder, node, in[1], 1));

  ConvTranspose2dSpec spec;
  spec.shape = {in[0],        in[2],      in[3],      in[1],      out[2],     out[3],
                out[1],       weights[2], weights[3], strides[0], strides[1], dilations[0],
                dilations[1], pads[0],    pads[1],    groups};
  inputs.fill(builder, node, spec);
  const int from = builder.buffer_in(node.inputs[0], channels_last_order(), node.name);
  IntegerPlanBuilder::Pixels to;
  if (integer::leaves_room(spec.shape)) {
    to = builder.produce_pixels(node.outputs[0]);
    spec.output_pixel_stride = to.stride;
  } else {
    to.buffer = builder.produce(node.outputs[0], channels_last_order());
  }
  if (transposed) {
    add_layer(builder, node, "deconv2d", std::make_shared<ConvTranspose2d>(spec, builder.isa()),
              from, to.buffer);
  } else {
    add_layer(builder, node, "conv2d", std::make_shared<Conv2d>(spec, builder.isa()), from,
              to.buffer);
  }
  return {};
}

Status plan_fully_connected(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  if (node.inputs.size() < 2 || builder.shape(node.inputs[1]).size() != 2 || in.empty() ||
      out.size() != in.size()) {
    return fail(ErrorCode::kUnsupported, "its operands have wrong ranks");
  }
  const Shape& weights = builder.shape(node.inputs[1]);
  const std::int64_t rows = element_count(in) / std::max<std::int64_t>(in.back(), 1);
  if (weights[1] != in.back() || weights[0] != out.back() ||
      rows * out.back() != element_count(out)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("weights {} do not fit {} → {}", to_string(weights), to_string(in),
                            to_string(out)));
  }
  QUANT_TRY_ASSIGN(const WeightedInputs inputs,
                   weighted_inputs(builder, node, in.back(), out.size() - 1));
  // Any order of the rows will do, as long as each row is contiguous.
  MemoryOrder order = builder.placement(node.inputs[0]).order;
  if (order.back() != static_cast<int>(in.size()) - 1) order = row_major_order(in.size());
  const int from = builder.buffer_in(node.inputs[0], order, node.name);
  const int to = builder.produce(node.outputs[0], order);
  integer::FullyConnectedSpec spec;
  spec.rows = rows;
  spec.inputs = in.back();
  spec.outputs = out.back();
  inputs.fill(builder, node, spec);
  add_layer(builder, node, "fc",
            std::make_shared<Conv2d>(integer::make_fully_connected(spec, builder.isa())), from, to);
  return {};
}

// Start of each matrix of an operand, for every matrix of the output.
std::vector<std::int64_t> matrix_offsets(const Shape& operand, const Shape& out) {
  const std::size_t batch_rank = out.size() - 2;
  const auto strides = row_major_strides(operand);
  std::vector<std::int64_t> offsets = {0};
  for (std::size_t axis = 0; axis < batch_rank; ++axis) {
    const std::size_t missing = out.size() - operand.size();
    const std::int64_t step =
        axis < missing || operand[axis - missing] == 1 ? 0 : strides[axis - missing];
    std::vector<std::int64_t> next;
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < out[axis]; ++i) next.push_back(offset + i * step);
    }
    offsets = std::move(next);
  }
  return offsets;
}

Status plan_matmul(IntegerPlanBuilder& builder, const Node& node) {
  if (node.inputs.size() != 2 || node.inputs[1] == kNoValue)
    return fail(ErrorCode::kInvalidData, "has not two operands");
  const Shape& a = builder.shape(node.inputs[0]);
  const Shape& b = builder.shape(node.inputs[1]);
  const Shape& out = builder.shape(node.outputs[0]);
  if (a.size() < 2 || b.size() < 2 || out.size() != std::max(a.size(), b.size()) ||
      a.back() != b[b.size() - 2] || out.back() != b.back() ||
      out[out.size() - 2] != a[a.size() - 2]) {
    return fail(ErrorCode::kInvalidData, fmt::format("{} by {} does not make {}", to_string(a),
                                                     to_string(b), to_string(out)));
  }
  for (std::size_t i = 3; i <= out.size(); ++i) {
    for (const Shape* operand : {&a, &b}) {
      if (i > operand->size()) continue;
      const std::int64_t dim = (*operand)[operand->size() - i];
      if (dim != 1 && dim != out[out.size() - i])
        return fail(ErrorCode::kInvalidData, "its batch axes do not fit");
    }
  }
  QUANT_TRY_ASSIGN(const AffineParams a_params, builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(const AffineParams b_params, builder.affine(node.inputs[1]));
  QUANT_TRY_ASSIGN(const float output_scale, builder.scale(node.outputs[0]));
  QUANT_TRY_ASSIGN(const OutputRange range, builder.output_range(node));
  integer::MatMulSpec spec;
  spec.m = out[out.size() - 2];
  spec.k = a.back();
  spec.n = out.back();
  spec.a_offsets = matrix_offsets(a, out);
  spec.b_offsets = matrix_offsets(b, out);
  spec.a_type = builder.type(node.inputs[0]);
  spec.b_type = builder.type(node.inputs[1]);
  spec.output_type = builder.type(node.outputs[0]);
  spec.a_zero_point = a_params.zero_point;
  spec.b_zero_point = b_params.zero_point;
  spec.requantization =
      make_requantization(a_params.scale, std::span(&b_params.scale, 1), output_scale, range);
  const int left = builder.buffer_in(node.inputs[0], row_major_order(a.size()), node.name);
  const int right = builder.buffer_in(node.inputs[1], row_major_order(b.size()), node.name);
  const int to = builder.produce(node.outputs[0], row_major_order(out.size()));
  auto kernel = std::make_shared<integer::MatMul>(spec, builder.isa());
  builder.add_step({node.name,
                    fmt::format("matmul {}", to_string(kernel->isa())),
                    {left, right},
                    {to},
                    [kernel](int threads) { return kernel->scratch_bytes(threads); },
                    [kernel, left, right, to](const StepContext& context) {
                      kernel->run(context.buffers[left], context.buffers[right],
                                  context.buffers[to], context.scratch, context.pool);
                    }});
  return {};
}

}  // namespace

Result<bool> plan_weighted(IntegerPlanBuilder& builder, const Node& node) {
  switch (node.op) {
    case OpKind::kConv:
    case OpKind::kConvTranspose:
      QUANT_TRY(plan_convolution(builder, node));
      return true;
    case OpKind::kGemm:
      QUANT_TRY(plan_fully_connected(builder, node));
      return true;
    case OpKind::kMatMul:
      QUANT_TRY(plan_matmul(builder, node));
      return true;
    default:
      return false;  // another family's
  }
}

}  // namespace quant
