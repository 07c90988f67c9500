// SPDX-License-Identifier: MIT
// Gather, GatherElements, GatherND: reading at indices.
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/index_list.h"
#include "quant/graph/operators/strided_loop.h"

namespace quant {
namespace {

Result<std::size_t> axis_of(const NodeContext& context) {
  return normalized_axis(context.node.attributes.integer("axis", 0),
                         context.types[0]->shape.size());
}

// Inputs: data, indices.
Result<std::vector<TensorType>> infer_gather(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<IndexTypes>(context, 1));
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  const auto middle = data->shape.begin() + static_cast<std::ptrdiff_t>(axis);
  Shape shape(data->shape.begin(), middle);
  shape.insert(shape.end(), indices->shape.begin(), indices->shape.end());
  shape.insert(shape.end(), middle + 1, data->shape.end());
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

Status compute_gather(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& data = *context.constants[0];
  const IndexList indices(*context.constants[1]);
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  const AxisSpan span = axis_span(data.shape(), axis);
  QUANT_TRY(check_indices(indices.values(), span.size));
  std::byte* to = outputs[0].raw();
  const std::size_t chunk = static_cast<std::size_t>(span.inner) * size_of(data.type());
  for (std::int64_t outer = 0; outer < span.outer; ++outer) {
    const std::byte* const from = data.raw() + static_cast<std::size_t>(outer * span.size) * chunk;
    for (const std::int64_t index : indices.values()) {
      std::memcpy(to, from + static_cast<std::size_t>(from_front(index, span.size)) * chunk, chunk);
      to += chunk;
    }
  }
  return {};
}

Result<std::vector<TensorType>> infer_gather_elements(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<IndexTypes>(context, 1));
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  QUANT_TRY(check_index_shape(indices->shape, data->shape, axis));
  return std::vector<TensorType>{{data->type, indices->shape}};
}

Status compute_gather_elements(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& data = *context.constants[0];
  const Shape& shape = outputs[0].shape();
  const IndexList list(*context.constants[1]);
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(context));
  const std::int64_t size = data.shape()[axis];
  QUANT_TRY(check_indices(list.values(), size));
  // The data's own steps, but none along the axis: there the index decides.
  std::vector<std::int64_t> steps = row_major_strides(data.shape());
  const std::int64_t axis_step = steps[axis];
  steps[axis] = 0;
  const StridedLoop<2> loop(shape, {row_major_strides(shape), steps});
  const std::int64_t* const indices = list.values().data();
  const std::int64_t step = loop.row_step()[1];
  visit_size(data.type(), [&]<typename T>(std::type_identity<T>) {
    const T* const from = reinterpret_cast<const T*>(data.raw());
    T* const to = reinterpret_cast<T*>(outputs[0].raw());
    loop.for_each_row([&](const auto& offset) {
      for (std::int64_t i = 0; i < loop.row_size(); ++i) {
        const std::int64_t index = from_front(indices[offset[0] + i], size);
        to[offset[0] + i] = from[offset[1] + i * step + index * axis_step];
      }
    });
  });
  return {};
}

// Inputs: data, indices. The last dimension of the indices holds positions behind the batch
// dimensions.
Result<std::vector<TensorType>> infer_gather_nd(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<IndexTypes>(context, 1));
  const std::int64_t batch = context.node.attributes.integer("batch_dims", 0);
  const auto data_rank = static_cast<std::int64_t>(data->shape.size());
  const auto index_rank = static_cast<std::int64_t>(indices->shape.size());
  if (batch < 0 || batch >= data_rank || batch >= index_rank) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("batch_dims {} does not fit data of {} and indices of {}", batch,
                            to_string(data->shape), to_string(indices->shape)));
  }
  const std::int64_t row = indices->shape.back();
  if (row < 0) {
    return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
  }
  if (row < 1 || row > data_rank - batch) {
    return fail(ErrorCode::kInvalidData, fmt::format("indices of {} numbers do not fit data of {}",
                                                     row, to_string(data->shape)));
  }
  Shape shape;
  for (std::size_t i = 0; i + 1 < indices->shape.size(); ++i) {
    std::int64_t dim = indices->shape[i];
    if (static_cast<std::int64_t>(i) < batch) {
      QUANT_TRY_ASSIGN(dim, merged_dimension(dim, data->shape[i]));
    }
    shape.push_back(dim);
  }
  shape.insert(shape.end(), data->shape.begin() + static_cast<std::ptrdiff_t>(batch + row),
               data->shape.end());
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

Status compute_gather_nd(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& data = *context.constants[0];
  const Tensor& indices = *context.constants[1];
  const auto batch_dims =
      static_cast<std::ptrdiff_t>(context.node.attributes.integer("batch_dims", 0));
  const Shape item(data.shape().begin() + batch_dims, data.shape().end());
  const auto row = static_cast<std::size_t>(indices.shape().back());
  const IndexList list(indices);
  QUANT_TRY_ASSIGN(const std::vector<std::int64_t> offsets, row_offsets(list.values(), row, item));
  std::size_t batches = 1;
  for (std::ptrdiff_t i = 0; i < batch_dims; ++i) {
    batches *= static_cast<std::size_t>(data.shape()[static_cast<std::size_t>(i)]);
  }
  const std::size_t element = size_of(data.type());
  const std::size_t item_bytes = static_cast<std::size_t>(element_count(item)) * element;
  const std::size_t chunk = outputs[0].bytes() / offsets.size();
  const std::size_t rows_per_batch = offsets.size() / batches;
  std::byte* to = outputs[0].raw();
  for (std::size_t i = 0; i < offsets.size(); ++i, to += chunk) {
    std::memcpy(to,
                data.raw() + i / rows_per_batch * item_bytes +
                    static_cast<std::size_t>(offsets[i]) * element,
                chunk);
  }
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_gather, compute_gather, BufferFill::kUndefined>(OpKind::kGather, 2, 2),
    computed_operator<infer_gather_elements, compute_gather_elements>(OpKind::kGatherElements, 2,
                                                                      2),
    computed_operator<infer_gather_nd, compute_gather_nd>(OpKind::kGatherND, 2, 2),
};

}  // namespace

std::span<const Operator> gather_operators() { return kOperators; }

}  // namespace quant
