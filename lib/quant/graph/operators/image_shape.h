// SPDX-License-Identifier: MIT
// (batch, channels, spatial…) of an image tensor, whose channels lie second (ONNX) or last.
// Channels last is a form that only the engine makes, for speed: it marks the nodes with an
// attribute of ours.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/graph/attributes.h"
#include "quant/tensor/shape.h"

namespace quant {

// Integer attribute; 1 where the image inputs and outputs of a Conv, ConvTranspose, pooling,
// Resize, BatchNormalization or Normalization node have their channels last. All other attributes
// keep ONNX's order.
inline constexpr const char* kChannelsLast = "quant.channels_last";

struct ImageShape {
  std::int64_t batch = 1;
  std::int64_t channels = 1;
  std::vector<std::int64_t> spatial;
  bool channels_last = false;

  Shape shape() const;
  // Elements of one channel of one image. Precondition: static.
  std::int64_t pixels() const { return element_count(spatial); }
};

inline bool has_channels_last(const Attributes& attributes) {
  return attributes.integer(kChannelsLast, 0) != 0;
}

// Errors where the rank is below 2 + `min_spatial` or above 2 + `max_spatial`.
Result<ImageShape> image_shape(const Shape& shape, const Attributes& attributes,
                               std::size_t min_spatial, std::size_t max_spatial);

}  // namespace quant
