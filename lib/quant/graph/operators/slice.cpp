// SPDX-License-Identifier: MIT
// Slice: a regular part of a tensor, forwards or backwards.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/strided_copy.h"

namespace quant {
namespace {

struct AxisSlice {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

// As numpy: a negative position counts from the end, then everything is clamped to the axis.
AxisSlice clamped_slice(std::int64_t start, std::int64_t end, std::int64_t step,
                        std::int64_t size) {
  // A longer step reaches no more than the first element; unclamped it could overflow.
  step = std::clamp(step, -size - 1, size + 1);
  if (start < 0) start += size;
  if (end < 0) end += size;
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? size : size - 1;
  start = std::clamp(start, std::min<std::int64_t>(0, high), high);
  end = std::clamp(end, low, high);
  const std::int64_t distance = step > 0 ? end - start : start - end;
  const std::int64_t count = distance <= 0 ? 0 : (distance - 1) / std::abs(step) + 1;
  return {start, step, count};
}

struct SliceInputs {
  IntegerList starts;
  IntegerList ends;
  IntegerList axes;
  IntegerList steps;
  bool known = false;
};

// Inputs: data, starts, ends, axes, steps.
Result<SliceInputs> slice_inputs(const NodeContext& context) {
  SliceInputs inputs;
  QUANT_TRY_ASSIGN(inputs.starts, required_integer_list(context, 1));
  QUANT_TRY_ASSIGN(inputs.ends, required_integer_list(context, 2));
  QUANT_TRY_ASSIGN(inputs.axes, integer_list(context, 3));
  QUANT_TRY_ASSIGN(inputs.steps, integer_list(context, 4));
  std::int64_t length = -1;
  bool known = true;
  for (const IntegerList* list : {&inputs.starts, &inputs.ends, &inputs.axes, &inputs.steps}) {
    if (!list->present) continue;
    auto merged = merged_dimension(length, list->length);
    if (!merged) {
      return fail(ErrorCode::kInvalidData, "starts, ends, axes and steps differ in length");
    }
    length = *merged;
    known = known && list->values.has_value();
  }
  inputs.known = known;
  return inputs;
}

Result<std::vector<std::size_t>> sliced_axes(const SliceInputs& inputs, std::size_t rank) {
  if (inputs.axes.present) return normalized_axes(*inputs.axes.values, rank);
  std::vector<std::int64_t> first(inputs.starts.values->size());
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
  return normalized_axes(first, rank);
}

// One entry per dimension of a static shape. Precondition: inputs.known.
Result<std::vector<AxisSlice>> slices_of(const SliceInputs& inputs, const Shape& shape) {
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> axes, sliced_axes(inputs, shape.size()));
  std::vector<AxisSlice> slices;
  for (const std::int64_t dim : shape) slices.push_back({0, 1, dim});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t step = inputs.steps.present ? (*inputs.steps.values)[i] : 1;
    if (step == 0) return fail(ErrorCode::kInvalidData, "a step is 0");
    AxisSlice& slice = slices[axes[i]];
    if (shape[axes[i]] < 0)
      slice.count = -1;
    else
      slice =
          clamped_slice((*inputs.starts.values)[i], (*inputs.ends.values)[i], step, shape[axes[i]]);
  }
  return slices;
}

Result<std::vector<TensorType>> infer_slice(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const SliceInputs inputs, slice_inputs(context));
  TensorType result = *data;
  if (inputs.known) {
    QUANT_TRY_ASSIGN(const std::vector<AxisSlice> slices, slices_of(inputs, data->shape));
    for (std::size_t i = 0; i < slices.size(); ++i) result.shape[i] = slices[i].count;
  } else if (inputs.axes.values) {
    QUANT_TRY_ASSIGN(const std::vector<std::size_t> axes,
                     normalized_axes(*inputs.axes.values, data->shape.size()));
    for (const std::size_t axis : axes) result.shape[axis] = -1;
  } else {
    std::fill(result.shape.begin(), result.shape.end(), std::int64_t{-1});
  }
  return std::vector<TensorType>{std::move(result)};
}

Status compute_slice(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const SliceInputs inputs, slice_inputs(context));
  QUANT_TRY_ASSIGN(const std::vector<AxisSlice> slices, slices_of(inputs, input.shape()));
  std::vector<std::int64_t> strides = row_major_strides(input.shape());
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    offset += slices[i].start * strides[i];
    strides[i] *= slices[i].step;
  }
  strided_copy(outputs[0].shape(), input, offset, strides, outputs[0]);
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_slice, compute_slice, BufferFill::kUndefined>(OpKind::kSlice, 3, 5),
};

}  // namespace

std::span<const Operator> slice_operators() { return kOperators; }

}  // namespace quant
