// SPDX-License-Identifier: MIT
#include "quant/vision/resample_axis.h"

#include <cassert>
#include <cmath>

namespace quant {

// Adding a half and cutting is this rule's own way to round.
// NOLINTBEGIN(bugprone-incorrect-roundings)
ResampleAxis::ResampleAxis(int in_size, int out, int first, int count) : in(in_size) {
  assert(first >= 0 && count >= 1 && first <= out - count);
  const double scale = static_cast<double>(in) / out;
  const double radius = std::max(scale, 1.0);
  const double inverse_radius = 1.0 / radius;
  std::vector<double> triangle;
  for (int i = first; i < first + count; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(static_cast<int>(center - radius + 0.5), 0);
    const int end = std::min(static_cast<int>(center + radius + 0.5), in);  // one behind
    triangle.clear();
    double sum = 0;
    for (int x = begin; x < end; ++x) {
      const double distance = std::abs((x - center + 0.5) * inverse_radius);
      triangle.push_back(std::max(1.0 - distance, 0.0));
      sum += triangle.back();
    }
    reach.push_back({begin, end - begin, weights.size()});
    for (const double weight : triangle) {
      const double normalized = sum == 0 ? weight : weight / sum;
      weights.push_back(static_cast<std::int32_t>(0.5 + normalized * (1 << kWeightBits)));
    }
  }
}
// NOLINTEND(bugprone-incorrect-roundings)

}  // namespace quant
