// SPDX-License-Identifier: MIT
#include "quant/arithmetic/average.h"

namespace quant {

double wide_average_multiplier(float input_scale, float output_scale, std::int64_t count) {
  return static_cast<double>(input_scale) /
         (static_cast<double>(output_scale) * static_cast<double>(count));
}

float average_multiplier(float input_scale, float output_scale, std::int64_t count) {
  return static_cast<float>(wide_average_multiplier(input_scale, output_scale, count));
}

}  // namespace quant
