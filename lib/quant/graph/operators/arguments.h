// SPDX-License-Identifier: MIT
// Reading and checking what a node is given: inputs, element types, axes, lists of integers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quant/graph/operator.h"
#include "quant/graph/operators/type_lists.h"

namespace quant {

// Null where the input is absent.
const TensorType* optional_type(const NodeContext& context, std::size_t input);
// Null where the input is absent or not known yet.
const Tensor* constant_input(const NodeContext& context, std::size_t input);

// The type of an input that must be there. InvalidData where it is not.
Result<const TensorType*> required_type(const NodeContext& context, std::size_t input);
// Unsupported, naming the type and the input.
tl::unexpected<Error> unsupported_type(DataType type, std::size_t input);
// The same, of an element type of the list.
template <typename Types>
Result<const TensorType*> required_type(const NodeContext& context, std::size_t input) {
  QUANT_TRY_ASSIGN(const TensorType* type, required_type(context, input));
  if (!Types::contains(type->type)) return unsupported_type(type->type, input);
  return type;
}
// InvalidData unless `input` (where it is there) has the element type `expected`.
Status check_type(const NodeContext& context, std::size_t input, DataType expected);
// InvalidData unless `input` (where it is there) holds exactly one element.
Status check_single(const NodeContext& context, std::size_t input);

// A negative axis counted from the end; InvalidData outside [−rank, rank − 1].
Result<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank);
// The same for a list; also refuses an axis that stands twice.
Result<std::vector<std::size_t>> normalized_axes(std::span<const std::int64_t> axes,
                                                 std::size_t rank);

// The elements of an int32 or int64 tensor.
std::vector<std::int64_t> integers_of(const Tensor& tensor);

// An input that holds a list of integers (axes, a shape, …).
struct IntegerList {
  bool present = false;
  std::int64_t length = 0;                          // -1: known at run time
  std::optional<std::vector<std::int64_t>> values;  // nothing: known at run time (or absent)
};
// Int32 or int64, scalar or one-dimensional; InvalidData or Unsupported otherwise.
Result<IntegerList> integer_list(const NodeContext& context, std::size_t input);
// integer_list of an input that must be there.
Result<IntegerList> required_integer_list(const NodeContext& context, std::size_t input);

// Products of dimensions [0, axis) and (axis, rank): how many times, and how far apart, the axis
// lies. Precondition: a static shape, axis < rank.
struct AxisSpan {
  std::int64_t outer = 1;
  std::int64_t size = 1;
  std::int64_t inner = 1;
};
AxisSpan axis_span(const Shape& shape, std::size_t axis);

// Of sizes that are not negative; OutOfRange past kMaxElements.
Result<std::int64_t> checked_sum(std::int64_t a, std::int64_t b);
Result<std::int64_t> checked_product(std::int64_t a, std::int64_t b);

// Both where equal, the known one where the other is -1; InvalidData where they differ.
Result<std::int64_t> merged_dimension(std::int64_t a, std::int64_t b);

}  // namespace quant
