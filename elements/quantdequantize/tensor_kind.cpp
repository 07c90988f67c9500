// SPDX-License-Identifier: MIT
#include "quantdequantize/tensor_kind.h"

#include <algorithm>

namespace quant::element {

TensorKind::TensorKind(const GstQuantTensor* tensor)
    : seen_(*tensor),
      scale_(tensor->scale, tensor->scale + tensor->num_scales),
      zero_point_(tensor->zero_point, tensor->zero_point + tensor->num_scales) {
  seen_.data = nullptr;
  seen_.scale = nullptr;
  seen_.zero_point = nullptr;
}

bool TensorKind::is_of(const GstQuantTensor* tensor) const {
  return tensor->id == seen_.id && tensor->source == seen_.source && tensor->role == seen_.role &&
         tensor->layout == seen_.layout && tensor->data_type == seen_.data_type &&
         tensor->dims_order == seen_.dims_order && tensor->num_dims == seen_.num_dims &&
         std::equal(tensor->dims, tensor->dims + tensor->num_dims, seen_.dims) &&
         tensor->padded_height == seen_.padded_height &&
         tensor->padded_width == seen_.padded_width &&
         tensor->padded_channels == seen_.padded_channels && tensor->axis == seen_.axis &&
         tensor->num_scales == scale_.size() &&
         std::equal(scale_.begin(), scale_.end(), tensor->scale) &&
         std::equal(zero_point_.begin(), zero_point_.end(), tensor->zero_point);
}

}  // namespace quant::element
