// SPDX-License-Identifier: MIT
// What a camera network wants to see: frame size, colour order and normalization of its image
// input.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"

namespace quant {

enum class ColorOrder { kRgb, kBgr, kGray };

// "rgb", "bgr", "gray".
const char* to_string(ColorOrder order);
std::optional<ColorOrder> color_order_from_string(std::string_view name);

// The ONNX input is float32 (1, C, H, W) with x[c] = (pixel[c] − mean[c]) / std[c].
struct InputSpec {
  std::string name;  // ONNX name
  int width = 0;     // pixels
  int height = 0;
  ColorOrder color = ColorOrder::kRgb;
  std::vector<float> mean;  // one per channel, in pixel units (0…255)
  std::vector<float> std;   // one per channel, never 0

  int channels() const { return color == ColorOrder::kGray ? 1 : 3; }
  bool operator==(const InputSpec&) const = default;
};

// A frame of a sane size (sides 1 to 16384), one finite mean and std per channel, no std 0.
// Errors say which; their context is the input's name.
Status verify(const InputSpec& spec);

}  // namespace quant
