// SPDX-License-Identifier: MIT
#include "quant/graph/operators/image_shape.h"

#include <fmt/format.h>

namespace quant {

Shape ImageShape::shape() const {
  Shape result{batch};
  if (!channels_last) result.push_back(channels);
  result.insert(result.end(), spatial.begin(), spatial.end());
  if (channels_last) result.push_back(channels);
  return result;
}

Result<ImageShape> image_shape(const Shape& shape, const Attributes& attributes,
                               std::size_t min_spatial, std::size_t max_spatial) {
  if (shape.size() < 2 + min_spatial || shape.size() > 2 + max_spatial) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("input {} has {} axes, {} to {} are supported", to_string(shape),
                            shape.size(), 2 + min_spatial, 2 + max_spatial));
  }
  ImageShape image;
  image.channels_last = has_channels_last(attributes);
  image.batch = shape.front();
  image.channels = image.channels_last ? shape.back() : shape[1];
  const std::ptrdiff_t first = image.channels_last ? 1 : 2;
  image.spatial.assign(shape.begin() + first, shape.end() - (image.channels_last ? 1 : 0));
  return image;
}

}  // namespace quant
