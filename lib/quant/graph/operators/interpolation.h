// SPDX-License-Identifier: MIT
// The interpolation kernel that Resize and GridSample share.
#pragma once

#include <cmath>

namespace quant {

// Keys' cubic convolution kernel with parameter `a` at a distance of `x` samples (Keys 1981); its
// support is (-2, 2).
inline float cubic_weight(float x, float a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// Its linear counterpart, with support (-1, 1).
inline float linear_weight(float x) {
  x = std::fabs(x);
  return x < 1 ? 1 - x : 0;
}

}  // namespace quant
