// SPDX-License-Identifier: MIT
// Resize, one axis after another; GridSample has a file of its own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/grid_sample.h"
#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/resize_axis.h"

namespace quant {
namespace {

constexpr std::size_t kRoi = 1;
constexpr std::size_t kScales = 2;
constexpr std::size_t kSizes = 3;

// An optional input; models of opset 11 say "absent" by an empty tensor.
bool is_given(const NodeContext& context, std::size_t input) {
  const TensorType* type = optional_type(context, input);
  return type != nullptr && type->shape != Shape{0};
}

// The named axis in memory, where the channels may lie last.
std::size_t memory_axis(std::size_t axis, std::size_t rank, bool channels_last) {
  if (!channels_last || axis == 0) return axis;
  return axis == 1 ? rank - 1 : axis - 1;
}

Result<std::vector<float>> numbers_of(const NodeContext& context, std::size_t input,
                                      std::size_t count) {
  const Tensor& tensor = *constant_input(context, input);
  if (tensor.type() != DataType::kFloat32) return unsupported_type(tensor.type(), input);
  const std::span<const float> values = tensor.data<float>();
  if (values.size() != count) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("input {} has {} values instead of {}", input, values.size(), count));
  }
  for (const float value : values) {
    if (!(std::fabs(value) <= 1e9F) || (input == kScales && !(value > 0))) {
      return fail(ErrorCode::kOutOfRange, fmt::format("input {} has the value {}", input, value));
    }
  }
  return std::vector<float>(values.begin(), values.end());
}

// Sizes that keep the picture's proportions: the largest that fits into `sizes`, or the smallest
// that covers them.
Status keep_proportions(const std::string& policy, std::vector<ResizeAxis*>& axes) {
  if (policy == "stretch") return {};
  if (policy != "not_larger" && policy != "not_smaller") {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("attribute keep_aspect_ratio_policy has the unknown value '{}'", policy));
  }
  const auto smaller = [](const ResizeAxis* a, const ResizeAxis* b) { return a->scale < b->scale; };
  if (axes.empty()) return {};
  const float scale = policy == "not_larger" ? (*std::ranges::min_element(axes, smaller))->scale
                                             : (*std::ranges::max_element(axes, smaller))->scale;
  for (ResizeAxis* axis : axes) {
    axis->scale = scale;
    axis->output =
        static_cast<std::int64_t>(std::floor(scale * static_cast<float>(axis->input) + 0.5F));
    axis->length = static_cast<float>(axis->output);
  }
  return {};
}

struct ResizePlan {
  bool known = false;            // not while an input's value or size is unknown
  std::vector<ResizeAxis> axes;  // one per axis of memory
};

Result<ResizePlan> plan_resize(const NodeContext& context, const ResizeSettings& settings) {
  const Attributes& attributes = context.node.attributes;
  const Shape& shape = context.types[0]->shape;
  const std::size_t rank = shape.size();
  std::vector<std::int64_t> named = attributes.integers("axes");
  if (named.empty()) {
    for (std::size_t axis = 0; axis < rank; ++axis)
      named.push_back(static_cast<std::int64_t>(axis));
  }
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> axes, normalized_axes(named, rank));
  const bool by_scales = is_given(context, kScales);
  const std::size_t source = by_scales ? kScales : kSizes;
  if (by_scales == is_given(context, kSizes)) {
    return fail(ErrorCode::kInvalidData,
                "exactly one of the inputs scales and sizes must be given");
  }
  const bool cropping = settings.coordinates == CoordinateMode::kTfCropAndResize;
  if (cropping && !is_given(context, kRoi))
    return fail(ErrorCode::kInvalidData, "input roi is missing");
  if (!is_static(shape) || constant_input(context, source) == nullptr ||
      (cropping && constant_input(context, kRoi) == nullptr)) {
    return ResizePlan{};
  }
  std::vector<float> scales;
  std::vector<std::int64_t> sizes;
  std::vector<float> roi;
  if (cropping) {
    QUANT_TRY_ASSIGN(roi, numbers_of(context, kRoi, 2 * axes.size()));
  }
  if (by_scales) {
    QUANT_TRY_ASSIGN(scales, numbers_of(context, kScales, axes.size()));
  } else {
    QUANT_TRY(required_type<IndexTypes>(context, kSizes));
    sizes = integers_of(*constant_input(context, kSizes));
    if (sizes.size() != axes.size()) {
      return fail(ErrorCode::kInvalidData, fmt::format("input sizes has {} values instead of {}",
                                                       sizes.size(), axes.size()));
    }
  }

  const bool channels_last = has_channels_last(attributes);
  std::vector<ResizeAxis> result(rank);
  for (std::size_t axis = 0; axis < rank; ++axis)
    result[axis].input = result[axis].output = shape[axis];
  std::vector<ResizeAxis*> resized;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = result[memory_axis(axes[i], rank, channels_last)];
    if (cropping) {
      axis.roi_begin = roi[i];
      axis.roi_end = roi[axes.size() + i];
    }
    const auto input = static_cast<float>(axis.input);
    if (by_scales) {
      axis.scale = scales[i];
      const float size =
          cropping ? input * (axis.roi_end - axis.roi_begin) * axis.scale : input * axis.scale;
      axis.length = size;
      axis.output = size >= 0 && size <= static_cast<float>(kMaxElements)
                        ? static_cast<std::int64_t>(size)
                        : -1;
    } else {
      axis.output = sizes[i];
      axis.length = static_cast<float>(sizes[i]);
      axis.scale = static_cast<float>(axis.output) / input;
      resized.push_back(&axis);
    }
  }
  if (!by_scales) {
    QUANT_TRY(keep_proportions(attributes.text("keep_aspect_ratio_policy", "stretch"), resized));
  }
  for (const ResizeAxis& axis : result) {
    if (axis.output >= 0 && axis.output <= kMaxElements && (axis.input > 0 || axis.output == 0))
      continue;
    return fail(ErrorCode::kOutOfRange,
                fmt::format("cannot resize an axis of {} elements to {}", axis.input, axis.output));
  }
  return ResizePlan{true, std::move(result)};
}

Result<std::vector<TensorType>> infer_resize(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const ResizeSettings settings, read_resize_settings(context.node.attributes));
  QUANT_TRY_ASSIGN(const ResizePlan plan, plan_resize(context, settings));
  Shape output(x->shape.size(), -1);
  if (plan.known) std::ranges::transform(plan.axes, output.begin(), &ResizeAxis::output);
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(output)}};
}

bool changes(const ResizeAxis& axis, const ResizeSettings& settings) {
  return axis.input != axis.output || axis.scale != 1.0F ||
         settings.coordinates == CoordinateMode::kTfCropAndResize ||
         settings.coordinates == CoordinateMode::kTfHalfPixelForNn;
}

Tensor resize_axis(const Tensor& source, std::size_t axis, const ResizeTable& table,
                   std::int64_t size) {
  const AxisSpan along = axis_span(source.shape(), axis);
  Shape shape = source.shape();
  shape[axis] = size;
  Tensor result(DataType::kFloat32, std::move(shape), BufferFill::kUndefined);
  const float* x = source.data<float>().data();
  float* y = result.data<float>().data();
  for (std::int64_t outer = 0; outer < along.outer; ++outer, x += along.size * along.inner) {
    const std::int64_t* index = table.index.data();
    const float* weight = table.weight.data();
    for (std::int64_t out = 0; out < size; ++out, y += along.inner) {
      for (std::int64_t tap = 0; tap < table.taps; ++tap) {
        const float* const from = x + *index++ * along.inner;
        const float factor = *weight++;
        if (tap > 0) {
          for (std::int64_t i = 0; i < along.inner; ++i) y[i] += factor * from[i];
        } else if (factor == 1.0F) {
          std::copy_n(from, along.inner, y);
        } else {
          for (std::int64_t i = 0; i < along.inner; ++i) y[i] = factor * from[i];
        }
      }
    }
  }
  return result;
}

void fill_outside(Tensor& tensor, std::size_t axis, const std::vector<std::int64_t>& outside,
                  float value) {
  const AxisSpan along = axis_span(tensor.shape(), axis);
  float* const values = tensor.data<float>().data();
  for (std::int64_t outer = 0; outer < along.outer; ++outer) {
    for (const std::int64_t index : outside) {
      std::fill_n(values + (outer * along.size + index) * along.inner, along.inner, value);
    }
  }
}

Status compute_resize(const NodeContext& context, std::span<Tensor> outputs) {
  const Attributes& attributes = context.node.attributes;
  QUANT_TRY_ASSIGN(const ResizeSettings settings, read_resize_settings(attributes));
  QUANT_TRY_ASSIGN(const ResizePlan plan, plan_resize(context, settings));
  const std::vector<ResizeAxis>& axes = plan.axes;
  std::vector<std::vector<std::int64_t>> outside(axes.size());
  Tensor current = *context.constants[0];
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    const ResizeAxis& each = axes[axis];
    if (!changes(each, settings)) continue;
    ResizeTable table = make_resize_table(settings, each);
    current = resize_axis(current, axis, table, each.output);
    outside[axis] = std::move(table.outside);
  }
  const bool untouched = current.raw() == context.constants[0]->raw();
  outputs[0] = untouched ? current.clone() : std::move(current);
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    fill_outside(outputs[0], axis, outside[axis], attributes.number("extrapolation_value", 0));
  }
  return {};
}

constexpr Operator kOperators[] = {
    computed_operator<infer_resize, compute_resize, BufferFill::kUndefined>(OpKind::kResize, 1, 4),
    computed_operator<infer_grid_sample, compute_grid_sample>(OpKind::kGridSample, 2, 2),
};

}  // namespace

std::span<const Operator> resize_operators() { return kOperators; }

}  // namespace quant
