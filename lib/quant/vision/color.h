// SPDX-License-Identifier: MIT
// Colour order of decoded pictures.
#pragma once

#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"
#include "quant/vision/resample.h"

namespace quant {

// A copy of `bgr` (3 channels: blue, green, red) in another order: uint8, (H, W, C).
// gray = (19595·R + 38470·G + 7471·B + 32768) >> 16, Pillow's; OpenCV's own has 14-bit weights and
// differs by one here and there. Precondition: sizes ≥ 1.
Tensor from_bgr(const PixelView& bgr, ColorOrder color);

}  // namespace quant
