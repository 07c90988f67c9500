// SPDX-License-Identifier: MIT
// Pad: around the input, with a constant or with its own elements; negative pads cut off.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/strided_copy.h"
#include "quant/graph/operators/strided_loop.h"

namespace quant {
namespace {

enum class PadMode { kConstant, kReflect, kEdge, kWrap };

Result<PadMode> pad_mode(const NodeContext& context) {
  const std::string mode = context.node.attributes.text("mode", "constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap") return PadMode::kWrap;
  return fail(ErrorCode::kInvalidData,
              "mode is '" + mode + "', expected constant, reflect, edge or wrap");
}

struct Pads {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// One entry per dimension; nothing where pads or axes come at run time.
Result<std::optional<std::vector<Pads>>> pads_of(const NodeContext& context, std::size_t rank) {
  QUANT_TRY_ASSIGN(const IntegerList given, required_integer_list(context, 1));
  QUANT_TRY_ASSIGN(const IntegerList axes, integer_list(context, 3));
  const std::int64_t padded = axes.present ? axes.length : static_cast<std::int64_t>(rank);
  if (padded >= 0 && given.length >= 0 && given.length != 2 * padded) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("has {} pads for {} dimensions", given.length, padded));
  }
  if (!given.values || (axes.present && !axes.values)) return std::nullopt;
  std::vector<std::int64_t> every(rank);
  for (std::size_t i = 0; i < rank; ++i) every[i] = static_cast<std::int64_t>(i);
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> list,
                   normalized_axes(axes.present ? *axes.values : every, rank));
  std::vector<Pads> pads(rank);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::int64_t begin = (*given.values)[i];
    const std::int64_t end = (*given.values)[list.size() + i];
    if (std::max(begin, end) > kMaxElements || std::min(begin, end) < -kMaxElements) {
      return fail(ErrorCode::kOutOfRange, fmt::format("pads {} and {} are too large", begin, end));
    }
    pads[list[i]] = {begin, end};
  }
  return pads;
}

// Inputs: data, pads, constant_value, axes.
Result<std::vector<TensorType>> infer_pad(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY(check_type(context, 2, data->type));
  QUANT_TRY(check_single(context, 2));
  QUANT_TRY_ASSIGN(const PadMode mode, pad_mode(context));
  QUANT_TRY_ASSIGN(const auto pads, pads_of(context, data->shape.size()));
  TensorType result = *data;
  for (std::size_t i = 0; i < result.shape.size(); ++i) {
    std::int64_t& dim = result.shape[i];
    if (!pads || dim < 0) {
      dim = -1;
      continue;
    }
    const auto [begin, end] = (*pads)[i];
    // What is cut off first must leave something to repeat.
    const std::int64_t kept =
        dim + std::min<std::int64_t>(begin, 0) + std::min<std::int64_t>(end, 0);
    const std::int64_t padded = dim + begin + end;
    const bool grows = begin > 0 || end > 0;
    if (kept < 0 || (mode != PadMode::kConstant && grows && kept == 0)) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("cannot pad a dimension of {} by {} and {}", dim, begin, end));
    }
    dim = padded;
  }
  return std::vector<TensorType>{std::move(result)};
}

void fill(Tensor& tensor, const Tensor& value) {
  visit_size(tensor.type(), [&]<typename T>(std::type_identity<T>) {
    std::fill_n(reinterpret_cast<T*>(tensor.raw()), tensor.elements(),
                *reinterpret_cast<const T*>(value.raw()));
  });
}

void pad_with_constant(const Tensor& input, const Tensor* value, std::span<const Pads> pads,
                       Tensor& out) {
  if (value != nullptr) fill(out, *value);
  const std::vector<std::int64_t> from_strides = row_major_strides(input.shape());
  const std::vector<std::int64_t> to_strides = row_major_strides(out.shape());
  Shape kept = input.shape();
  std::int64_t from_offset = 0;
  std::int64_t to_offset = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    kept[i] += std::min<std::int64_t>(pads[i].begin, 0) + std::min<std::int64_t>(pads[i].end, 0);
    from_offset += std::max<std::int64_t>(-pads[i].begin, 0) * from_strides[i];
    to_offset += std::max<std::int64_t>(pads[i].begin, 0) * to_strides[i];
  }
  strided_copy(kept, input, from_offset, from_strides, out, to_offset, to_strides);
}

// Where along one axis of `size` kept elements, the first at `first`, each of `count` outputs comes
// from.
std::vector<std::int64_t> source_indices(PadMode mode, std::int64_t size, const Pads& pads) {
  const std::int64_t first = std::max<std::int64_t>(-pads.begin, 0);
  const std::int64_t kept = size - first + std::min<std::int64_t>(pads.end, 0);
  const std::int64_t count = size + pads.begin + pads.end;
  const auto modulo = [](std::int64_t a, std::int64_t b) { return (a % b + b) % b; };
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t at = i - std::max<std::int64_t>(pads.begin, 0);
    switch (mode) {
      case PadMode::kConstant:
      case PadMode::kEdge:
        at = std::clamp<std::int64_t>(at, 0, kept - 1);
        break;
      case PadMode::kWrap:
        at = modulo(at, kept);
        break;
      case PadMode::kReflect: {
        // The ends stand once in each period; a single element repeats.
        const std::int64_t period = std::max<std::int64_t>(2 * (kept - 1), 1);
        at = modulo(at, period);
        at = std::min(at, period - at);
        break;
      }
    }
    indices[static_cast<std::size_t>(i)] = first + at;
  }
  return indices;
}

void pad_with_elements(const Tensor& input, PadMode mode, std::span<const Pads> pads, Tensor& out) {
  const std::size_t rank = input.rank();
  const std::vector<std::int64_t> strides = row_major_strides(input.shape());
  std::vector<std::vector<std::int64_t>> offsets(rank);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    offsets[axis] = source_indices(mode, input.shape()[axis], pads[axis]);
    for (std::int64_t& offset : offsets[axis]) offset *= strides[axis];
  }
  const std::span<const std::int64_t> row = offsets.back();
  std::vector<std::size_t> index(rank, 0);
  visit_size(input.type(), [&]<typename T>(std::type_identity<T>) {
    const T* const from = reinterpret_cast<const T*>(input.raw());
    T* to = reinterpret_cast<T*>(out.raw());
    const T* const end = to + out.elements();
    while (to != end) {
      std::int64_t base = 0;
      for (std::size_t axis = 0; axis + 1 < rank; ++axis) base += offsets[axis][index[axis]];
      for (const std::int64_t offset : row) *to++ = from[base + offset];
      for (std::size_t axis = rank - 1; axis-- > 0;) {
        if (++index[axis] < offsets[axis].size()) break;
        index[axis] = 0;
      }
    }
  });
}

Status compute_pad(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const PadMode mode, pad_mode(context));
  QUANT_TRY_ASSIGN(const auto pads, pads_of(context, input.rank()));
  if (input.rank() == 0) {
    outputs[0] = input;
  } else if (mode == PadMode::kConstant) {
    pad_with_constant(input, constant_input(context, 2), *pads, outputs[0]);
  } else {
    pad_with_elements(input, mode, *pads, outputs[0]);
  }
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_pad, compute_pad>(OpKind::kPad, 2, 4),
};

}  // namespace

std::span<const Operator> pad_operators() { return kOperators; }

}  // namespace quant
