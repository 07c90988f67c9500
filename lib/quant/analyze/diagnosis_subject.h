// SPDX-License-Identifier: MIT
// One output on both sides of a diagnosis: what it should be, and what somebody read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/device_layout.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Of one frame. A matrix (positions, channels) is one row of pixels, a vector one pixel.
struct Extent {
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t channels = 1;

  std::int64_t pixels() const { return height * width; }
  std::int64_t elements() const { return pixels() * channels; }
  bool operator==(const Extent&) const = default;
};

// A file's elements as they lie in it, frame by frame; integers up to 16 bits are exact in float.
struct Recording {
  std::vector<std::vector<float>> frames;
  Shape frame_shape;
  DataType type = DataType::kFloat32;

  bool integers() const { return type != DataType::kFloat32; }
};

struct DiagnosisSubject {
  std::string name;
  Extent extent;
  // Real values in the order [height][width][channel], one vector a frame.
  std::vector<std::vector<float>> reference;
  Recording suspect;
  // Of the right reader: one scale, or one per channel.
  std::optional<QuantParams> params;
};

// Where the axes of a reference lie: kNchw as ONNX has it, or kNhwc.
struct ReferenceAxes {
  DeviceOrder order = DeviceOrder::kNchw;
  // Tensors of rank 3 are (C, H, W) or (H, W, C) of one frame. Else the first axis of every tensor
  // counts frames, and rank 3 is (frames, positions, channels).
  bool single_frames = false;
};

// Every frame as real values in the order [height][width][channel]. Unsupported types: as below.
Result<std::vector<std::vector<float>>> frames_by_pixel(const Tensor& tensor, ReferenceAxes axes);

// At most `most_frames` frames, from the first. Errors name the output: a type that is no number of
// at most 16 bits or float, frames that do not divide the suspect's elements, parameters that do
// not fit the channels, integers without parameters as a reference.
Result<DiagnosisSubject> make_subject(const std::string& name, const Tensor& reference,
                                      ReferenceAxes axes, const Tensor& suspect,
                                      std::optional<QuantParams> params, std::int64_t most_frames);

// How a reader who believes the file's shape sees its elements: (H, W, C) or (C, H, W), either
// with padding; a shape that is neither is taken as dense, channel first where its first axis is as
// long as there are channels.
DeviceLayout filed_layout(const Recording& recording, const Extent& extent);

}  // namespace quant
