// SPDX-License-Identifier: MIT
// What looks at neighbourhoods or along axes: pooling, resize, reductions, norms, softmax.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/normalize.h"
#include "quant/kernels/integer/pool2d.h"
#include "quant/kernels/integer/reduce.h"
#include "quant/kernels/integer/resize2d.h"
#include "quant/kernels/integer/softmax.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

// Input and output parameters that the rules of one input have in common.
template <typename Spec>
Status set_params(const IntegerPlanBuilder& builder, const Node& node, Spec& spec) {
  QUANT_TRY_ASSIGN(spec.input, builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(spec.output_scale, builder.scale(node.outputs[0]));
  QUANT_TRY_ASSIGN(spec.output, builder.output_range(node));
  spec.input_type = builder.type(node.inputs[0]);
  spec.output_type = builder.type(node.outputs[0]);
  return {};
}

// A step of a kernel of one input, with or without scratch memory.
template <typename Kernel>
void add_unary(IntegerPlanBuilder& builder, const Node& node, std::string name,
               std::shared_ptr<Kernel> kernel, int from, int to) {
  IntegerStep step{node.name, std::move(name), {from}, {to}, {}, {}};
  if constexpr (requires { kernel->scratch_bytes(1); }) {
    step.scratch_bytes = [kernel](int threads) { return kernel->scratch_bytes(threads); };
    step.run = [kernel, from, to](const StepContext& context) {
      kernel->run(context.buffers[from], context.buffers[to], context.scratch, context.pool);
    };
  } else {
    step.run = [kernel, from, to](const StepContext& context) {
      kernel->run(context.buffers[from], context.buffers[to], context.pool);
    };
  }
  builder.add_step(std::move(step));
}

Result<integer::Pool2dShape> pool_shape(const IntegerPlanBuilder& builder, const Node& node) {
  constexpr std::int64_t kMost = 1 << 16;
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  const auto kernel = node.attributes.integers("kernel_shape");
  const auto strides = node.attributes.integers("strides", {1, 1});
  const auto dilations = node.attributes.integers("dilations", {1, 1});
  auto pads = node.attributes.integers("pads", {0, 0, 0, 0});
  const auto all_within = [&](const std::vector<std::int64_t>& values, std::size_t count,
                              std::int64_t least) {
    return values.size() == count && std::all_of(values.begin(), values.end(), [&](std::int64_t v) {
             return v >= least && v <= kMost;
           });
  };
  if (in.size() != 4 || out.size() != 4 || in[0] != out[0] || in[1] != out[1])
    return fail(ErrorCode::kUnsupported, "works on feature maps (N, C, H, W) only");
  if (!all_within(kernel, 2, 1) || !all_within(strides, 2, 1) || !all_within(dilations, 2, 1) ||
      !all_within(pads, 4, 0) || kernel[0] * kernel[1] > (1 << 23)) {
    return fail(ErrorCode::kInvalidData, "has wrong kernel_shape, strides, dilations or pads");
  }
  const std::string auto_pad = node.attributes.text("auto_pad", "NOTSET");
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t extent = (kernel[axis] - 1) * dilations[axis] + 1;
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      const std::int64_t total =
          std::max<std::int64_t>((out[axis + 2] - 1) * strides[axis] + extent - in[axis + 2], 0);
      pads[axis] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
      pads[axis + 2] = total - pads[axis];
    }
    const std::int64_t last_window = (out[axis + 2] - 1) * strides[axis] - pads[axis];
    if (pads[axis] >= extent || last_window >= in[axis + 2])
      return fail(ErrorCode::kInvalidData, "has a window outside its input");
  }
  return integer::Pool2dShape{
      in[0],      in[2],      in[3],        in[1],        out[2],  out[3],  kernel[0], kernel[1],
      strides[0], strides[1], dilations[0], dilations[1], pads[0], pads[1], pads[2],   pads[3]};
}

Status plan_pool(IntegerPlanBuilder& builder, const Node& node) {
  QUANT_TRY_ASSIGN(const integer::Pool2dShape shape, pool_shape(builder, node));
  const int from = builder.buffer_in(node.inputs[0], channels_last_order(), node.name);
  if (node.op == OpKind::kAveragePool) {
    integer::AveragePool2dSpec spec;
    spec.shape = shape;
    spec.count_include_pad = node.attributes.integer("count_include_pad", 0) != 0;
    QUANT_TRY(set_params(builder, node, spec));
    const int to = builder.produce(node.outputs[0], channels_last_order());
    add_unary(builder, node, "avgpool",
              std::make_shared<integer::AveragePool2d>(spec, builder.isa()), from, to);
    return {};
  }
  integer::MaxPool2dSpec spec;
  spec.shape = shape;
  QUANT_TRY_ASSIGN(spec.table, builder.requantize_table(node.inputs[0], node));
  spec.type = builder.type(node.inputs[0]);
  if (builder.type(node.outputs[0]) != spec.type)
    return fail(ErrorCode::kUnsupported, "its output has another type than its input");
  const int to = builder.produce(node.outputs[0], channels_last_order());
  add_unary(builder, node, "maxpool", std::make_shared<integer::MaxPool2d>(spec, builder.isa()),
            from, to);
  return {};
}

// The axes that a node reduces, from its attribute or constant input; all where none are named.
Result<std::vector<int>> reduced_axes(const IntegerPlanBuilder& builder, const Node& node,
                                      std::size_t rank) {
  std::vector<std::int64_t> axes;
  if (node.op == OpKind::kGlobalAveragePool || node.op == OpKind::kGlobalMaxPool) {
    axes = {2, 3};
  } else if (node.inputs.size() > 1 && node.inputs[1] != kNoValue) {
    const Value& value = builder.graph().value(node.inputs[1]);
    if (!value.constant || value.type != DataType::kInt64)
      return fail(ErrorCode::kInvalidData, "its axes are no int64 constant");
    axes.assign(value.constant->data<std::int64_t>().begin(),
                value.constant->data<std::int64_t>().end());
  }
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::vector<int> result;
  for (std::int64_t axis : axes) {
    if (axis < 0) axis += static_cast<std::int64_t>(rank);
    if (axis < 0 || axis >= static_cast<std::int64_t>(rank))
      return fail(ErrorCode::kInvalidData, "an axis lies outside the tensor");
    result.push_back(static_cast<int>(axis));
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

integer::ReduceOp reduce_op(OpKind op) {
  switch (op) {
    case OpKind::kReduceSum:
      return integer::ReduceOp::kSum;
    case OpKind::kReduceMax:
    case OpKind::kGlobalMaxPool:
      return integer::ReduceOp::kMax;
    case OpKind::kReduceMin:
      return integer::ReduceOp::kMin;
    default:
      return integer::ReduceOp::kMean;
  }
}

Status plan_reduce(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  QUANT_TRY_ASSIGN(const std::vector<int> axes, reduced_axes(builder, node, in.size()));
  const auto is_reduced = [&](int axis) {
    return std::binary_search(axes.begin(), axes.end(), axis);
  };
  // The reduced axes must lie next to each other; where they do not, they go innermost.
  MemoryOrder order = builder.placement(node.inputs[0]).order;
  const auto first = std::find_if(order.begin(), order.end(), is_reduced);
  const auto run_end = std::find_if_not(first, order.end(), is_reduced);
  if (run_end - first != static_cast<std::ptrdiff_t>(axes.size())) {
    std::stable_partition(order.begin(), order.end(), [&](int axis) { return !is_reduced(axis); });
  }
  integer::ReduceSpec spec;
  spec.op = reduce_op(node.op);
  bool behind = false;
  MemoryOrder out_order;
  for (const int axis : order) {
    const std::int64_t size = in[static_cast<std::size_t>(axis)];
    if (is_reduced(axis)) {
      spec.reduce *= size;
      behind = true;
    } else {
      (behind ? spec.inner : spec.outer) *= size;
    }
    if (!is_reduced(axis) || out.size() == in.size()) {
      const auto gone =
          out.size() == in.size() ? 0 : std::count_if(axes.begin(), axes.end(), [&](int reduced) {
            return reduced < axis;
          });
      out_order.push_back(axis - static_cast<int>(gone));
    }
  }
  if (out_order.size() != out.size() || spec.outer * spec.inner != element_count(out))
    return fail(ErrorCode::kInvalidData, "its output shape does not fit its axes");
  QUANT_TRY(set_params(builder, node, spec));
  const int from = builder.buffer_in(node.inputs[0], order, node.name);
  const int to = builder.produce(node.outputs[0], out_order);
  add_unary(builder, node, "reduce", std::make_shared<integer::Reduce>(spec, builder.isa()), from,
            to);
  return {};
}

Result<integer::ResizeAxisSpec> resize_axis_spec(const Node& node) {
  using integer::NearestRounding;
  using integer::ResizeCoordinates;
  using integer::ResizeMode;
  integer::ResizeAxisSpec spec;
  const std::string mode = node.attributes.text("mode", "nearest");
  const std::string coordinates =
      node.attributes.text("coordinate_transformation_mode", "half_pixel");
  const std::string rounding = node.attributes.text("nearest_mode", "round_prefer_floor");
  if (mode == "nearest")
    spec.mode = ResizeMode::kNearest;
  else if (mode == "linear")
    spec.mode = ResizeMode::kLinear;
  else if (mode == "cubic")
    spec.mode = ResizeMode::kCubic;
  else
    return fail(ErrorCode::kUnsupported, "resize mode '" + mode + "' has no integer kernel");
  if (coordinates == "half_pixel")
    spec.coordinates = ResizeCoordinates::kHalfPixel;
  else if (coordinates == "half_pixel_symmetric")
    spec.coordinates = ResizeCoordinates::kHalfPixelSymmetric;
  else if (coordinates == "pytorch_half_pixel")
    spec.coordinates = ResizeCoordinates::kPytorchHalfPixel;
  else if (coordinates == "align_corners")
    spec.coordinates = ResizeCoordinates::kAlignCorners;
  else if (coordinates == "asymmetric")
    spec.coordinates = ResizeCoordinates::kAsymmetric;
  else
    return fail(ErrorCode::kUnsupported,
                "coordinate mode '" + coordinates + "' has no integer kernel");
  if (rounding == "round_prefer_floor")
    spec.rounding = NearestRounding::kRoundPreferFloor;
  else if (rounding == "round_prefer_ceil")
    spec.rounding = NearestRounding::kRoundPreferCeil;
  else if (rounding == "floor")
    spec.rounding = NearestRounding::kFloor;
  else if (rounding == "ceil")
    spec.rounding = NearestRounding::kCeil;
  else
    return fail(ErrorCode::kUnsupported, "nearest mode '" + rounding + "' has no integer kernel");
  spec.cubic_coefficient = node.attributes.number("cubic_coeff_a", -0.75F);
  return spec;
}

Status plan_resize(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  if (in.size() != 4 || out.size() != 4 || in[0] != out[0] || in[1] != out[1])
    return fail(ErrorCode::kUnsupported, "resizes height and width of feature maps only");
  QUANT_TRY_ASSIGN(integer::ResizeAxisSpec axis, resize_axis_spec(node));
  std::vector<double> scales = {static_cast<double>(out[2]) / static_cast<double>(in[2]),
                                static_cast<double>(out[3]) / static_cast<double>(in[3])};
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    const Value& given = builder.graph().value(node.inputs[2]);
    if (given.constant && given.type == DataType::kFloat32 && given.constant->elements() == 4) {
      scales = {given.constant->data<float>()[2], given.constant->data<float>()[3]};
    }
  }
  if (!(scales[0] > 0) || !(scales[1] > 0))
    return fail(ErrorCode::kInvalidData, "has a scale that is not positive");
  integer::Resize2dSpec spec;
  spec.batch = in[0];
  spec.channels = in[1];
  axis.in_size = in[2];
  axis.out_size = out[2];
  axis.scale = scales[0];
  spec.vertical = integer::make_resize_axis(axis);
  axis.in_size = in[3];
  axis.out_size = out[3];
  axis.scale = scales[1];
  spec.horizontal = integer::make_resize_axis(axis);
  QUANT_TRY(set_params(builder, node, spec));
  const int from = builder.buffer_in(node.inputs[0], channels_last_order(), node.name);
  const int to = builder.produce(node.outputs[0], channels_last_order());
  auto kernel = std::make_shared<integer::Resize2d>(spec, builder.isa());
  add_unary(builder, node, fmt::format("resize {}", to_string(kernel->isa())), kernel, from, to);
  return {};
}

Status plan_softmax(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& shape = builder.shape(node.inputs[0]);
  std::int64_t axis = node.attributes.integer("axis", -1);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  if (axis < 0 || axis >= static_cast<std::int64_t>(shape.size()) ||
      builder.shape(node.outputs[0]) != shape) {
    return fail(ErrorCode::kInvalidData, "its axis lies outside the tensor");
  }
  const auto place = builder.placement(node.inputs[0]);
  integer::SoftmaxSpec spec;
  bool behind = false;
  for (const int at : place.order) {
    if (at == axis) {
      spec.axis = shape[static_cast<std::size_t>(at)];
      behind = true;
    } else {
      (behind ? spec.inner : spec.outer) *= shape[static_cast<std::size_t>(at)];
    }
  }
  QUANT_TRY(builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(spec.output_scale, builder.scale(node.outputs[0]));
  QUANT_TRY_ASSIGN(spec.output, builder.output_range(node));
  spec.input_type = builder.type(node.inputs[0]);
  spec.output_type = builder.type(node.outputs[0]);
  if (node.inputs.size() != 2 || node.inputs[1] == kNoValue) {
    return fail(ErrorCode::kInvalidData, "has no table of exponentials");
  }
  const std::int64_t levels = greatest_activation(spec.input_type) + 1;
  const Value& table = builder.graph().value(node.inputs[1]);
  if (!table.constant || table.type != DataType::kUint32 || table.constant->elements() != levels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("its table is no uint32 constant of {}", levels));
  }
  const auto entries = table.constant->data<std::uint32_t>();
  constexpr std::uint32_t kOne = 1U << kSoftmaxBits;
  if (entries[0] != kOne || *std::max_element(entries.begin(), entries.end()) > kOne) {
    return fail(ErrorCode::kInvalidData, "its table holds no exponentials");
  }
  spec.table.assign(entries.begin(), entries.end());
  const int to = builder.produce(node.outputs[0], place.order);
  add_unary(builder, node, "softmax", std::make_shared<integer::Softmax>(spec, builder.isa()),
            place.buffer, to);
  return {};
}

Result<std::vector<float>> float_constant(const IntegerPlanBuilder& builder, const Node& node,
                                          std::size_t input, std::int64_t count) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return std::vector<float>{};
  const Value& value = builder.graph().value(node.inputs[input]);
  if (!value.constant || value.type != DataType::kFloat32 ||
      (value.constant->elements() != count && value.constant->elements() != 1)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("its scale or bias is no float32 constant of {}", count));
  }
  return std::vector<float>(value.constant->data<float>().begin(),
                            value.constant->data<float>().end());
}

Status plan_normalize(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& shape = builder.shape(node.inputs[0]);
  const auto rank = static_cast<std::int64_t>(shape.size());
  integer::NormalizeSpec spec;
  spec.epsilon = node.attributes.number("epsilon", 1e-5F);
  MemoryOrder order = row_major_order(shape.size());
  if (node.op == OpKind::kInstanceNormalization) {
    if (rank < 3) return fail(ErrorCode::kInvalidData, "has no axes to normalize over");
    order.erase(order.begin() + 1);
    order.push_back(1);
    spec.outer = shape[0];
    spec.inner = shape[1];
    spec.reduce = element_count(shape) / (spec.outer * spec.inner);
    spec.affine_axis = integer::AffineAxis::kInner;
  } else {
    std::int64_t axis = node.attributes.integer("axis", -1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank)
      return fail(ErrorCode::kInvalidData, "its axis lies outside the tensor");
    for (std::int64_t at = 0; at < rank; ++at)
      (at < axis ? spec.outer : spec.reduce) *= shape[static_cast<std::size_t>(at)];
    spec.affine_axis = integer::AffineAxis::kReduce;
  }
  if (builder.shape(node.outputs[0]) != shape || spec.reduce > kMaxNormalizedElements)
    return fail(ErrorCode::kUnsupported, "normalizes too many elements, or changes the shape");
  const std::int64_t affine =
      spec.affine_axis == integer::AffineAxis::kInner ? spec.inner : spec.reduce;
  QUANT_TRY_ASSIGN(spec.gamma, float_constant(builder, node, 1, affine));
  QUANT_TRY_ASSIGN(spec.beta, float_constant(builder, node, 2, affine));
  QUANT_TRY(set_params(builder, node, spec));
  const int from = builder.buffer_in(node.inputs[0], order, node.name);
  const int to = builder.produce(node.outputs[0], order);
  add_unary(builder, node, "normalize", std::make_shared<integer::Normalize>(spec, builder.isa()),
            from, to);
  return {};
}

}  // namespace

Result<bool> plan_spatial(IntegerPlanBuilder& builder, const Node& node) {
  switch (node.op) {
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
      QUANT_TRY(plan_pool(builder, node));
      return true;
    case OpKind::kGlobalAveragePool:
    case OpKind::kGlobalMaxPool:
    case OpKind::kReduceMean:
    case OpKind::kReduceSum:
    case OpKind::kReduceMax:
    case OpKind::kReduceMin:
      QUANT_TRY(plan_reduce(builder, node));
      return true;
    case OpKind::kResize:
      QUANT_TRY(plan_resize(builder, node));
      return true;
    case OpKind::kSoftmax:
      QUANT_TRY(plan_softmax(builder, node));
      return true;
    case OpKind::kInstanceNormalization:
    case OpKind::kLayerNormalization:
      QUANT_TRY(plan_normalize(builder, node));
      return true;
    default:
      return false;  // another family's
  }
}

}  // namespace quant
