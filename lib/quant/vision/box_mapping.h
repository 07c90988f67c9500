// SPDX-License-Identifier: MIT
// Boxes from the frame that a network saw back to the picture that the frame was made from.
#pragma once

#include "quant/metrics/detection.h"
#include "quant/vision/frame.h"

namespace quant {

// Both in pixels. What reaches beyond the picture is cut off; a box in the bars of a letterbox has
// no area left. Precondition: sizes ≥ 1.
Box to_image(const Box& in_frame, const Placement& place, int image_width, int image_height);

}  // namespace quant
