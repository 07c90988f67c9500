// SPDX-License-Identifier: MIT
#include "quant/metrics/detection.h"

#include <algorithm>

namespace quant {

double Box::area() const { return std::max(right - left, 0.0) * std::max(bottom - top, 0.0); }

double intersection_area(const Box& a, const Box& b) {
  return Box{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
             std::min(a.bottom, b.bottom)}
      .area();
}

double intersection_over_union(const Box& a, const Box& b) {
  const double common = intersection_area(a, b);
  const double united = a.area() + b.area() - common;
  return united > 0 ? common / united : 0;
}

}  // namespace quant
