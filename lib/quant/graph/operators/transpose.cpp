// SPDX-License-Identifier: MIT
// The same elements in another order: Transpose, DepthToSpace, SpaceToDepth.
#include <fmt/format.h>

#include <array>
#include <numeric>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/strided_copy.h"

namespace quant {
namespace {

Result<std::vector<std::size_t>> permutation(const NodeContext& context, std::size_t rank) {
  if (!context.node.attributes.has("perm")) {
    std::vector<std::size_t> reversed(rank);
    std::iota(reversed.rbegin(), reversed.rend(), std::size_t{0});
    return reversed;
  }
  const std::vector<std::int64_t> perm = context.node.attributes.integers("perm");
  if (perm.size() != rank) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("perm has {} entries for {} dimensions", perm.size(), rank));
  }
  return normalized_axes(perm, rank);
}

Result<std::vector<TensorType>> infer_transpose(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> perm, permutation(context, data->shape.size()));
  Shape shape;
  for (const std::size_t axis : perm) shape.push_back(data->shape[axis]);
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

// `to` gets the axes of `shape` in the order `perm`.
void permute(const Tensor& from, const Shape& shape, std::span<const std::size_t> perm,
             Tensor& to) {
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  Shape permuted;
  std::vector<std::int64_t> permuted_strides;
  for (const std::size_t axis : perm) {
    permuted.push_back(shape[axis]);
    permuted_strides.push_back(strides[axis]);
  }
  strided_copy(permuted, from, 0, permuted_strides, to);
}

Status compute_transpose(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> perm, permutation(context, input.rank()));
  permute(input, input.shape(), perm, outputs[0]);
  return {};
}

// The side of a block, checked against an input of 4 dimensions.
Result<std::int64_t> block_size(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  if (data->shape.size() != 4) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the input {} must have 4 dimensions", to_string(data->shape)));
  }
  const std::int64_t block = context.node.attributes.integer("blocksize", 0);
  if (block < 1 || block > (std::int64_t{1} << 20)) {
    return fail(ErrorCode::kInvalidData, fmt::format("blocksize is {}", block));
  }
  return block;
}

// dim · factor and dim / factor, where -1 stays unknown.
Result<std::int64_t> scaled_up(std::int64_t dim, std::int64_t factor) {
  if (dim < 0) return dim;
  return checked_product(dim, factor);
}
Result<std::int64_t> scaled_down(std::int64_t dim, std::int64_t factor) {
  if (dim < 0) return dim;
  if (dim % factor != 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("dimension {} is not a multiple of {}", dim, factor));
  }
  return dim / factor;
}

Result<std::vector<TensorType>> infer_depth_to_space(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const std::int64_t block, block_size(context));
  const std::string mode = context.node.attributes.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    return fail(ErrorCode::kInvalidData, "mode is '" + mode + "', expected DCR or CRD");
  }
  const Shape& in = context.types[0]->shape;
  QUANT_TRY_ASSIGN(const std::int64_t channels, scaled_down(in[1], block * block));
  QUANT_TRY_ASSIGN(const std::int64_t height, scaled_up(in[2], block));
  QUANT_TRY_ASSIGN(const std::int64_t width, scaled_up(in[3], block));
  return std::vector<TensorType>{{context.types[0]->type, {in[0], channels, height, width}}};
}

Status compute_depth_to_space(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::int64_t block, block_size(context));
  const Shape& in = input.shape();
  const std::int64_t channels = outputs[0].shape()[1];
  if (context.node.attributes.text("mode", "DCR") == "DCR") {
    const std::array<std::size_t, 6> perm = {0, 3, 4, 1, 5, 2};
    permute(input, {in[0], block, block, channels, in[2], in[3]}, perm, outputs[0]);
  } else {
    const std::array<std::size_t, 6> perm = {0, 1, 4, 2, 5, 3};
    permute(input, {in[0], channels, block, block, in[2], in[3]}, perm, outputs[0]);
  }
  return {};
}

Result<std::vector<TensorType>> infer_space_to_depth(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const std::int64_t block, block_size(context));
  const Shape& in = context.types[0]->shape;
  QUANT_TRY_ASSIGN(const std::int64_t height, scaled_down(in[2], block));
  QUANT_TRY_ASSIGN(const std::int64_t width, scaled_down(in[3], block));
  QUANT_TRY_ASSIGN(const std::int64_t channels, scaled_up(in[1], block * block));
  return std::vector<TensorType>{{context.types[0]->type, {in[0], channels, height, width}}};
}

Status compute_space_to_depth(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::int64_t block, block_size(context));
  const Shape& in = input.shape();
  const Shape& out = outputs[0].shape();
  const std::array<std::size_t, 6> perm = {0, 3, 5, 1, 2, 4};
  permute(input, {in[0], in[1], out[2], block, out[3], block}, perm, outputs[0]);
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_depth_to_space, compute_depth_to_space, BufferFill::kUndefined>(
        OpKind::kDepthToSpace, 1, 1),
    computed_operator<infer_space_to_depth, compute_space_to_depth, BufferFill::kUndefined>(
        OpKind::kSpaceToDepth, 1, 1),
    computed_operator<infer_transpose, compute_transpose, BufferFill::kUndefined>(
        OpKind::kTranspose, 1, 1),
};

}  // namespace

std::span<const Operator> transpose_operators() { return kOperators; }

}  // namespace quant
