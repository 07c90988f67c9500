// SPDX-License-Identifier: MIT
#include "quant/optimize/frame_variation.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace quant::tuning {

at::Tensor vary_frame(const at::Tensor& frame, Random& random) {
  at::Tensor x = frame;
  const std::int64_t height = x.size(2);
  const std::int64_t width = x.size(3);
  if (random.chance(0.7)) {
    const double zoom = random.uniform(0.5, 1.0);
    const double stretch = random.uniform(0.85, 1.15);
    const auto part = [](std::int64_t size, double share) {
      return std::max<std::int64_t>(1,
                                    std::llround(static_cast<double>(size) * std::min(1.0, share)));
    };
    const std::int64_t rows = part(height, zoom * stretch);
    const std::int64_t columns = part(width, zoom / stretch);
    x = x.narrow(2, random.below(height - rows + 1), rows);
    x = x.narrow(3, random.below(width - columns + 1), columns);
    x = at::upsample_bilinear2d(x.contiguous(), {height, width}, false);
  }
  if (random.chance(0.5)) x = x.flip({3});
  const double contrast = random.uniform(0.7, 1.3);
  const double brightness = random.uniform(-30, 30);
  std::vector<float> gains;
  for (std::int64_t c = 0; c < x.size(1); ++c)
    gains.push_back(static_cast<float>(contrast * random.uniform(0.9, 1.1)));
  x = (x - 128) * at::tensor(gains).reshape({1, -1, 1, 1}) + (128 + brightness);
  return x.round().clamp(0, 255).contiguous();
}

}  // namespace quant::tuning
