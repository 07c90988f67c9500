// SPDX-License-Identifier: MIT
#include "quant/tensor/quant_params.h"

#include <cmath>

namespace quant {

bool QuantParams::is_plain() const {
  return scale.size() == 1 && zero_point.size() == 1 &&
         zero_point[0] == std::nearbyint(zero_point[0]);
}

}  // namespace quant
