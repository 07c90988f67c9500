// SPDX-License-Identifier: MIT
// Joining along an axis and cutting along one: Concat, Split.
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <numeric>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

// Bytes that one step of the outer dimensions holds, from `axis` on.
std::size_t chunk_bytes(const Tensor& tensor, std::size_t axis) {
  const AxisSpan span = axis_span(tensor.shape(), axis);
  return static_cast<std::size_t>(span.size * span.inner) * size_of(tensor.type());
}

Result<std::vector<TensorType>> infer_concat(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* first, required_type(context, 0));
  if (!context.node.attributes.has("axis")) {
    return fail(ErrorCode::kInvalidData, "the attribute 'axis' is missing");
  }
  Shape shape = first->shape;
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), shape.size()));
  for (std::size_t i = 1; i < context.types.size(); ++i) {
    QUANT_TRY_ASSIGN(const TensorType* next, required_type(context, i));
    QUANT_TRY(check_type(context, i, first->type));
    if (next->shape.size() != shape.size()) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("cannot join {} and {}", to_string(first->shape), to_string(next->shape)));
    }
    for (std::size_t dim = 0; dim < shape.size(); ++dim) {
      if (dim != axis) {
        QUANT_TRY_ASSIGN(shape[dim], merged_dimension(shape[dim], next->shape[dim]));
      } else if (shape[dim] < 0 || next->shape[dim] < 0) {
        shape[dim] = -1;
      } else {
        QUANT_TRY_ASSIGN(shape[dim], checked_sum(shape[dim], next->shape[dim]));
      }
    }
  }
  return std::vector<TensorType>{{first->type, std::move(shape)}};
}

Status compute_concat(const NodeContext& context, std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), out.rank()));
  const std::int64_t outer = axis_span(out.shape(), axis).outer;
  const std::size_t out_chunk = chunk_bytes(out, axis);
  std::byte* to = out.raw();
  for (const Tensor* input : context.constants) {
    const std::size_t chunk = chunk_bytes(*input, axis);
    const std::byte* from = input->raw();
    for (std::int64_t i = 0; i < outer; ++i) {
      std::memcpy(to + static_cast<std::size_t>(i) * out_chunk, from, chunk);
      from += chunk;
    }
    to += chunk;
  }
  return {};
}

// The sizes that `parts` outputs get of an axis of `size`; nothing where they come at run time.
Result<std::optional<std::vector<std::int64_t>>> split_sizes(const NodeContext& context,
                                                             std::int64_t size) {
  const auto parts = static_cast<std::int64_t>(context.node.outputs.size());
  QUANT_TRY_ASSIGN(const IntegerList given, integer_list(context, 1));
  const Attributes& attributes = context.node.attributes;
  if (given.present) {
    if (attributes.has("num_outputs")) {
      return fail(ErrorCode::kInvalidData, "has both the input split and num_outputs");
    }
    if (given.length >= 0 && given.length != parts) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("splits into {} but has {} outputs", given.length, parts));
    }
    if (!given.values) return std::nullopt;
    std::int64_t rest = size;
    for (const std::int64_t part : *given.values) {
      if (part < 0 || (size >= 0 && part > rest)) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("cannot split {} into {}", size, fmt::join(*given.values, " + ")));
      }
      rest -= size >= 0 ? part : 0;
    }
    if (size >= 0 && rest != 0) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("cannot split {} into {}", size, fmt::join(*given.values, " + ")));
    }
    return given.values;
  }
  if (attributes.integer("num_outputs", parts) != parts) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("num_outputs is {} but has {} outputs",
                            attributes.integer("num_outputs", parts), parts));
  }
  if (size < 0) return std::nullopt;
  // Only num_outputs allows a smaller last part.
  const std::int64_t part = (size + parts - 1) / parts;
  const std::int64_t last = size - part * (parts - 1);
  if (last < 0 || (last != part && !attributes.has("num_outputs"))) {
    return fail(ErrorCode::kInvalidData, fmt::format("cannot split {} into {} parts", size, parts));
  }
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), part);
  sizes.back() = last;
  return sizes;
}

// Inputs: data, split.
Result<std::vector<TensorType>> infer_split(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), data->shape.size()));
  if (context.node.outputs.empty()) return fail(ErrorCode::kInvalidData, "has no outputs");
  QUANT_TRY_ASSIGN(const auto sizes, split_sizes(context, data->shape[axis]));
  std::vector<TensorType> types(context.node.outputs.size(), *data);
  for (std::size_t i = 0; i < types.size(); ++i) types[i].shape[axis] = sizes ? (*sizes)[i] : -1;
  return types;
}

Status compute_split(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), input.rank()));
  const std::int64_t outer = axis_span(input.shape(), axis).outer;
  const std::size_t in_chunk = chunk_bytes(input, axis);
  const std::byte* from = input.raw();
  for (Tensor& output : outputs) {
    const std::size_t chunk = chunk_bytes(output, axis);
    std::byte* to = output.raw();
    for (std::int64_t i = 0; i < outer; ++i) {
      std::memcpy(to, from + static_cast<std::size_t>(i) * in_chunk, chunk);
      to += chunk;
    }
    from += chunk;
  }
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_concat, compute_concat, BufferFill::kUndefined>(OpKind::kConcat, 1, -1),
    computed_operator<infer_split, compute_split, BufferFill::kUndefined>(OpKind::kSplit, 1, 2),
};

}  // namespace

std::span<const Operator> concat_operators() { return kOperators; }

}  // namespace quant
