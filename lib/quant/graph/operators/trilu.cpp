// SPDX-License-Identifier: MIT
// Trilu: the upper or lower triangle of matrices, 0 elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

// Inputs: data, k (which diagonal bounds the triangle; 0 the main one, positive above it).
Result<std::vector<TensorType>> infer_trilu(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  if (data->shape.size() < 2) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the input {} is no matrix", to_string(data->shape)));
  }
  QUANT_TRY(check_type(context, 1, DataType::kInt64));
  QUANT_TRY(check_single(context, 1));
  return std::vector<TensorType>{*data};
}

Status compute_trilu(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const bool upper = context.node.attributes.integer("upper", 1) != 0;
  const std::size_t rank = input.rank();
  const std::int64_t rows = input.shape()[rank - 2];
  const std::int64_t columns = input.shape()[rank - 1];
  const Tensor* const k = constant_input(context, 1);
  const std::int64_t diagonal =
      k == nullptr ? 0 : std::clamp(k->data<std::int64_t>()[0], -rows, columns);
  const std::size_t element = size_of(input.type());
  const std::int64_t all_rows = input.elements() / columns;
  for (std::int64_t row = 0; row < all_rows; ++row) {
    // Upper keeps columns from row + k on, lower those up to and including it.
    const std::int64_t edge = row % rows + diagonal + (upper ? 0 : 1);
    const std::int64_t cut = std::clamp<std::int64_t>(edge, 0, columns);
    const std::int64_t first = row * columns + (upper ? cut : 0);
    const std::int64_t count = upper ? columns - cut : cut;
    std::memcpy(outputs[0].raw() + static_cast<std::size_t>(first) * element,
                input.raw() + static_cast<std::size_t>(first) * element,
                static_cast<std::size_t>(count) * element);
  }
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_trilu, compute_trilu>(OpKind::kTrilu, 1, 2),
};

}  // namespace

std::span<const Operator> trilu_operators() { return kOperators; }

}  // namespace quant
