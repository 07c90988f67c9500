// SPDX-License-Identifier: MIT
#include "quant/vision/box_mapping.h"

#include <algorithm>

namespace quant {

Box to_image(const Box& in_frame, const Placement& place, int image_width, int image_height) {
  const auto x = [&](double value) {
    return std::clamp((value - place.x) * image_width / place.width, 0.0, double{1} * image_width);
  };
  const auto y = [&](double value) {
    return std::clamp((value - place.y) * image_height / place.height, 0.0,
                      double{1} * image_height);
  };
  return {x(in_frame.left), y(in_frame.top), x(in_frame.right), y(in_frame.bottom)};
}

}  // namespace quant
