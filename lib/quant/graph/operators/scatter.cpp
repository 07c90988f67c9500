// SPDX-License-Identifier: MIT
// ScatterElements, ScatterND: a copy of the data, updated at indices. Where several updates meet,
// they apply in order.
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/index_list.h"
#include "quant/graph/operators/strided_loop.h"
#include "quant/graph/operators/wrapping.h"

namespace quant {
namespace {

enum class Update { kReplace, kAdd, kMultiply, kMax, kMin };

Result<Update> update_of(const NodeContext& context) {
  const std::string reduction = context.node.attributes.text("reduction", "none");
  if (reduction == "none") return Update::kReplace;
  if (context.types[0]->type == DataType::kBool) {
    return fail(ErrorCode::kUnsupported, "a reduction of bool is not supported");
  }
  if (reduction == "add") return Update::kAdd;
  if (reduction == "mul") return Update::kMultiply;
  if (reduction == "max") return Update::kMax;
  if (reduction == "min") return Update::kMin;
  return fail(ErrorCode::kInvalidData,
              "reduction is '" + reduction + "', expected none, add, mul, max or min");
}

// Calls loop(apply), where apply(target, update) is the node's update of one element.
template <typename T, typename Loop>
void with_update(Update update, const Loop& loop) {
  switch (update) {
    case Update::kReplace:
      return loop([](T& target, T value) { target = value; });
    case Update::kAdd:
      return loop([](T& target, T value) { target = wrapping_add(target, value); });
    case Update::kMultiply:
      return loop([](T& target, T value) { target = wrapping_multiply(target, value); });
    case Update::kMax:
      return loop([](T& target, T value) { target = std::max(target, value); });
    case Update::kMin:
      return loop([](T& target, T value) { target = std::min(target, value); });
  }
}

Result<std::size_t> axis_of(const NodeContext& context) {
  return normalized_axis(context.node.attributes.integer("axis", 0),
                         context.types[0]->shape.size());
}

// Inputs: data, indices, updates.
Result<std::vector<TensorType>> infer_scatter_elements(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<IndexTypes>(context, 1));
  QUANT_TRY_ASSIGN(const TensorType* updates, required_type(context, 2));
  QUANT_TRY(check_type(context, 2, data->type));
  QUANT_TRY(update_of(context));
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  QUANT_TRY(check_index_shape(indices->shape, data->shape, axis));
  if (indices->shape != updates->shape && is_static(indices->shape) && is_static(updates->shape)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("updates of shape {} do not match indices of {}",
                            to_string(updates->shape), to_string(indices->shape)));
  }
  return std::vector<TensorType>{*data};
}

Status compute_scatter_elements(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& data = *context.constants[0];
  const Tensor& updates = *context.constants[2];
  Tensor& out = outputs[0];
  const IndexList list(*context.constants[1]);
  QUANT_TRY_ASSIGN(const Update update, update_of(context));
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  const std::int64_t size = data.shape()[axis];
  QUANT_TRY(check_indices(list.values(), size));
  std::memcpy(out.raw(), data.raw(), data.bytes());
  // The data's own steps, but none along the axis: there the index decides.
  std::vector<std::int64_t> steps = row_major_strides(data.shape());
  const std::int64_t axis_step = steps[axis];
  steps[axis] = 0;
  const StridedLoop<2> loop(updates.shape(), {row_major_strides(updates.shape()), steps});
  const std::int64_t* const indices = list.values().data();
  const std::int64_t step = loop.row_step()[1];
  visit_type(AnyTypes{}, data.type(), [&]<typename T>(std::type_identity<T>) {
    const T* const from = updates.data<T>().data();
    T* const to = out.data<T>().data();
    with_update<T>(update, [&](const auto& apply) {
      loop.for_each_row([&](const auto& offset) {
        for (std::int64_t i = 0; i < loop.row_size(); ++i) {
          const std::int64_t index = from_front(indices[offset[0] + i], size);
          apply(to[offset[1] + i * step + index * axis_step], from[offset[0] + i]);
        }
      });
    });
  });
  return {};
}

// Inputs: data, indices, updates. The last dimension of the indices holds positions in the data.
Result<std::vector<TensorType>> infer_scatter_nd(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<IndexTypes>(context, 1));
  QUANT_TRY_ASSIGN(const TensorType* updates, required_type(context, 2));
  QUANT_TRY(check_type(context, 2, data->type));
  QUANT_TRY(update_of(context));
  if (!is_static(data->shape) || !is_static(indices->shape) || !is_static(updates->shape)) {
    return std::vector<TensorType>{*data};
  }
  if (indices->shape.empty() || indices->shape.back() < 1 ||
      indices->shape.back() > static_cast<std::int64_t>(data->shape.size())) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("indices of shape {} do not fit data of {}", to_string(indices->shape),
                            to_string(data->shape)));
  }
  Shape expected(indices->shape.begin(), indices->shape.end() - 1);
  expected.insert(expected.end(),
                  data->shape.begin() + static_cast<std::ptrdiff_t>(indices->shape.back()),
                  data->shape.end());
  if (updates->shape != expected) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("updates have shape {}, expected {}", to_string(updates->shape),
                            to_string(expected)));
  }
  return std::vector<TensorType>{*data};
}

Status compute_scatter_nd(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& data = *context.constants[0];
  const Tensor& indices = *context.constants[1];
  const Tensor& updates = *context.constants[2];
  Tensor& out = outputs[0];
  QUANT_TRY_ASSIGN(const Update update, update_of(context));
  std::memcpy(out.raw(), data.raw(), data.bytes());
  if (updates.elements() == 0) return {};
  const IndexList list(indices);
  QUANT_TRY_ASSIGN(
      const std::vector<std::int64_t> offsets,
      row_offsets(list.values(), static_cast<std::size_t>(indices.shape().back()), data.shape()));
  const std::int64_t chunk = updates.elements() / static_cast<std::int64_t>(offsets.size());
  visit_type(AnyTypes{}, data.type(), [&]<typename T>(std::type_identity<T>) {
    with_update<T>(update, [&](const auto& apply) {
      const T* from = updates.data<T>().data();
      for (const std::int64_t offset : offsets) {
        T* const to = out.data<T>().data() + offset;
        for (std::int64_t i = 0; i < chunk; ++i) apply(to[i], from[i]);
        from += chunk;
      }
    });
  });
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_scatter_elements, compute_scatter_elements>(OpKind::kScatterElements, 3,
                                                                        3),
    computed_operator<infer_scatter_nd, compute_scatter_nd>(OpKind::kScatterND, 3, 3),
};

}  // namespace

std::span<const Operator> scatter_operators() { return kOperators; }

}  // namespace quant
