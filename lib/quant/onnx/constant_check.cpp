// SPDX-License-Identifier: MIT
#include "quant/onnx/constant_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace quant {
namespace {

enum class Allowed { kFinite, kMask, kBound };

constexpr std::array kBoundReaders = {
    OpKind::kClip,  OpKind::kMin,   OpKind::kMax,         OpKind::kPad,     OpKind::kWhere,
    OpKind::kEqual, OpKind::kLess,  OpKind::kLessOrEqual, OpKind::kGreater, OpKind::kGreaterOrEqual,
    OpKind::kIsInf, OpKind::kIsNaN, OpKind::kIdentity};
// A mask reaches its Add through operators that only move it.
constexpr std::array kMaskReaders = {OpKind::kAdd,       OpKind::kExpand, OpKind::kSlice,
                                     OpKind::kReshape,   OpKind::kGather, OpKind::kScatterElements,
                                     OpKind::kScatterND, OpKind::kTrilu};

Allowed allowed_for(OpKind reader) {
  const auto is_in = [&](const auto& kinds) {
    return std::find(kinds.begin(), kinds.end(), reader) != kinds.end();
  };
  if (is_in(kBoundReaders)) return Allowed::kBound;
  return is_in(kMaskReaders) ? Allowed::kMask : Allowed::kFinite;
}

// The index of the first element that `allowed` excludes, or -1.
template <typename T>
std::int64_t first_excluded(std::span<const T> values, Allowed allowed) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    if (std::isfinite(value)) continue;
    const bool excluded = std::isnan(value) || allowed == Allowed::kFinite ||
                          (allowed == Allowed::kMask && value > 0);
    if (excluded) return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::int64_t first_excluded(const Tensor& tensor, Allowed allowed) {
  if (tensor.type() == DataType::kFloat32) return first_excluded(tensor.data<float>(), allowed);
  if (tensor.type() == DataType::kFloat64) return first_excluded(tensor.data<double>(), allowed);
  return -1;
}

bool is_nan_at(const Tensor& tensor, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  return tensor.type() == DataType::kFloat32 ? std::isnan(tensor.data<float>()[i])
                                             : std::isnan(tensor.data<double>()[i]);
}

}  // namespace

Status check_no_nan(const std::string& name, const Tensor& tensor) {
  const std::int64_t index = first_excluded(tensor, Allowed::kBound);
  if (index < 0) return {};
  return fail(
      ErrorCode::kInvalidData,
      fmt::format("element {} of {} is NaN: the model's weights are damaged or its training "
                  "has diverged",
                  index, to_string(tensor.shape())),
      fmt::format("tensor '{}'", name));
}

Status check_constants(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    const Allowed allowed = allowed_for(node.op);
    for (const ValueId id : node.inputs) {
      if (id == kNoValue || !graph.value(id).constant) continue;
      const Value& value = graph.value(id);
      const std::int64_t index = first_excluded(*value.constant, allowed);
      if (index < 0) continue;
      const std::string reader =
          node.original_names.empty() ? node.name : node.original_names.front();
      return fail(ErrorCode::kInvalidData,
                  fmt::format("element {} of {} is {}, which {} '{}' cannot compute with", index,
                              to_string(value.shape),
                              is_nan_at(*value.constant, index) ? "NaN" : "infinite",
                              to_string(node.op), reader),
                  fmt::format("tensor '{}'", value.name));
    }
  }
  return {};
}

}  // namespace quant
