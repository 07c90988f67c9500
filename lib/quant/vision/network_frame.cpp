// SPDX-License-Identifier: MIT
#include "quant/vision/network_frame.h"

#include <utility>

#include "quant/vision/frame.h"

namespace quant {

std::vector<Tensor> float_inputs(const Frame& frame, const InputSpec& spec) {
  if (!spec.is_image()) return frame.features;
  if (frame.pixels) {
    InputSpec plain = spec;
    plain.mean.assign(plain.mean.size(), 0.0F);
    plain.std.assign(plain.std.size(), 1.0F);
    return {normalize_frame(*frame.pixels, plain)};
  }
  Tensor pixels(DataType::kFloat32, frame.network_input.shape());
  const auto from = frame.network_input.data<float>();
  const auto to = pixels.data<float>();
  const std::size_t plane = from.size() / spec.mean.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i] = from[i] * spec.std[i / plane] + spec.mean[i / plane];
  return {std::move(pixels)};
}

}  // namespace quant
