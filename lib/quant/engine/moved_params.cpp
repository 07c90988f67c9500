// SPDX-License-Identifier: MIT
#include "quant/engine/moved_params.h"

#include <algorithm>

namespace quant {
namespace {

// Where the parameters of an element stand in their lists.
class Channels {
 public:
  explicit Channels(const Value& value)
      : params_(*value.quant),
        inner_(params_.per_channel()
                   ? row_major_strides(value.shape)[static_cast<std::size_t>(params_.axis)]
                   : 1) {}

  std::size_t of(std::int64_t element) const {
    const auto count = static_cast<std::int64_t>(params_.scale.size());
    return static_cast<std::size_t>(element / inner_ % count);
  }

 private:
  const QuantParams& params_;
  std::int64_t inner_;
};

bool equal_at(const QuantParams& a, std::size_t i, const QuantParams& b, std::size_t j) {
  return a.scale[i] == b.scale[j] && a.zero_point[i] == b.zero_point[j];
}

bool fits_axis(const Value& value) {
  const QuantParams& params = *value.quant;
  if (params.scale.size() != params.zero_point.size()) return false;
  if (!params.per_channel()) return params.scale.size() == 1;
  return params.axis >= 0 && static_cast<std::size_t>(params.axis) < value.shape.size() &&
         value.shape[static_cast<std::size_t>(params.axis)] ==
             static_cast<std::int64_t>(params.scale.size());
}

bool comparable(const Value& a, const Value& b) {
  return a.quant && b.quant && a.type == b.type && a.quant->type == a.type &&
         b.quant->type == b.type && fits_axis(a) && fits_axis(b);
}

}  // namespace

bool same_params_reshaped(const Value& from, const Value& to) {
  if (!comparable(from, to) || element_count(from.shape) != element_count(to.shape)) return false;
  const Channels before(from);
  const Channels after(to);
  for (std::int64_t i = 0; i < element_count(to.shape); ++i) {
    if (!equal_at(*from.quant, before.of(i), *to.quant, after.of(i))) return false;
  }
  return true;
}

bool same_params_transposed(const Value& from, const Value& to,
                            std::span<const std::int64_t> perm) {
  if (!comparable(from, to)) return false;
  const bool same_axis = !to.quant->per_channel() ||
                         perm[static_cast<std::size_t>(to.quant->axis)] == from.quant->axis;
  return same_axis && from.quant->scale == to.quant->scale &&
         from.quant->zero_point == to.quant->zero_point;
}

bool same_params_joined(const Value& part, const Value& whole, std::size_t axis, std::int64_t at) {
  if (!comparable(part, whole)) return false;
  const QuantParams& inner = *part.quant;
  const QuantParams& outer = *whole.quant;
  const auto along = static_cast<std::size_t>(outer.per_channel() ? outer.axis : inner.axis);
  if (inner.per_channel() && static_cast<std::size_t>(inner.axis) != along) return false;
  const auto offset = static_cast<std::size_t>(along == axis ? at : 0);
  for (std::size_t c = 0; c < static_cast<std::size_t>(part.shape[along]); ++c) {
    if (!equal_at(inner, inner.per_channel() ? c : 0, outer, outer.per_channel() ? offset + c : 0))
      return false;
  }
  return true;
}

}  // namespace quant
