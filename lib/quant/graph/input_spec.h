// SPDX-License-Identifier: MIT
// What a network wants to see: a camera frame (its size, colour order and normalization), or
// feature tensors that another network made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/shape.h"

namespace quant {

enum class ColorOrder { kRgb, kBgr, kGray };

// "rgb", "bgr", "gray".
const char* to_string(ColorOrder order);
std::optional<ColorOrder> color_order_from_string(std::string_view name);

// One float32 input that is no picture: descriptors, coordinates, an inner tensor.
struct FeatureInput {
  std::string name;  // ONNX name
  Shape shape;       // of one frame, static
  bool operator==(const FeatureInput&) const = default;
};

// An image network has one ONNX input, float32 (1, C, H, W), with x[c] = (pixel[c] − mean[c]) /
// std[c]. A feature network says only `features`.
struct InputSpec {
  std::string name;  // ONNX name
  int width = 0;     // pixels
  int height = 0;
  ColorOrder color = ColorOrder::kRgb;
  std::vector<float> mean;  // one per channel, in pixel units (0…255)
  std::vector<float> std;   // one per channel, never 0
  // All inputs in the model's order, where they are no image: float32 as the ONNX network takes
  // them. Their quantization parameters come from calibration, as those of inner tensors do.
  std::vector<FeatureInput> features;

  bool is_image() const { return features.empty(); }
  int channels() const { return color == ColorOrder::kGray ? 1 : 3; }
  bool operator==(const InputSpec&) const = default;
};

// A frame of a sane size (sides 1 to 16384), one finite mean and std per channel, no std 0; or
// features with names, each its own, and static shapes of at least one axis. Errors say which;
// their context is the input's name.
Status verify(const InputSpec& spec);

}  // namespace quant
