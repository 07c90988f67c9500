// SPDX-License-Identifier: MIT
#include "quant/tensor/quant_params.h"

#include <cmath>

namespace quant {

bool QuantParams::is_plain() const {
  return scale.size() == 1 && zero_point.size() == 1 &&
         zero_point[0] == std::nearbyint(zero_point[0]);
}

QuantParams unsigned_form(QuantParams params) {
  const bool bytes = params.type == DataType::kInt8;
  if (!bytes && params.type != DataType::kInt16) return params;
  params.type = bytes ? DataType::kUint8 : DataType::kUint16;
  for (float& zero_point : params.zero_point) zero_point += bytes ? 128.0F : 32768.0F;
  return params;
}

}  // namespace quant
