// SPDX-License-Identifier: MIT
// One frame in the forms that contexts take it in. Apart from where frames come from, so that who
// has frames already (a pipeline) brings no reader of image files along.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct Frame {
  std::string name;        // "street.jpg", "frames.npy[3]", "clip.mp4[17]"
  std::int64_t index = 0;  // among the frames given out, from 0
  std::optional<Tensor>
      pixels;            // uint8, (H, W, C), colour order of the InputSpec; absent for float .npy
  Tensor network_input;  // float32, (1, C, H, W)
  // Of a feature network instead of both: one per input, in the order of the InputSpec.
  std::vector<Tensor> features;
  // Pixels of the picture that was resized into the frame; the frame's own where none was.
  int image_width = 0;
  int image_height = 0;

  // What the ONNX network takes. They live as long as the frame.
  std::span<const Tensor> onnx_inputs() const {
    return features.empty() ? std::span(&network_input, 1) : std::span(features);
  }
};

// What the fp-optimized network takes: an image as float32 (1, C, H, W), pixels 0…255 (a frame
// without pixels is turned back into them, without rounding), else the features.
std::vector<Tensor> float_inputs(const Frame& frame, const InputSpec& spec);

}  // namespace quant
