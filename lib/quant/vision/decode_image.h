// SPDX-License-Identifier: MIT
// Image files to pixels. Apart from what frames are made of: the library that reads image files
// brings twenty others, which a pipeline has no use for.
#pragma once

#include <filesystem>

#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"
#include "quant/vision/frame.h"

namespace quant {

// Decodes an image file at its own size into `color` (color.h): uint8, (H, W, C). Orientation tags
// are ignored and transparency is dropped, as Pillow's open and convert do. Errors name the file.
Result<Tensor> decode_image(const std::filesystem::path& path, ColorOrder color);

// decode_image and fit_image.
Result<Tensor> load_image(const std::filesystem::path& path, const InputSpec& spec,
                          const FrameOptions& options = {});

}  // namespace quant
