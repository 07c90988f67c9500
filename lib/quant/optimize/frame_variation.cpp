// SPDX-License-Identifier: MIT
#include "quant/optimize/frame_variation.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace quant::tuning {
namespace {

// Where a frame is normalized by its own mean and deviation, nothing is left of light that is the
// same everywhere; what follows changes how far values lie from their mean.
constexpr double kStrong = 0.3;  // share of the frames that each of the two meets

at::Tensor bend_tones(const at::Tensor& frame, Random& random) {
  const double gamma = std::pow(2.0, random.uniform(-1.2, 1.2));
  return (frame.clamp(0, 255) / 255).pow(gamma) * 255;
}

// A light or a shadow with a soft edge.
at::Tensor light_a_place(const at::Tensor& frame, Random& random) {
  const double y = random.uniform(0, 1);
  const double x = random.uniform(0, 1);
  const double height = random.uniform(0.1, 0.8);
  const double width = random.uniform(0.1, 0.8);
  const double gain = std::pow(2.0, random.uniform(-2, 1.5));
  const auto distance = [](std::int64_t size, double centre, double radius) {
    const at::Tensor at = at::arange(size, at::kFloat) / static_cast<double>(size);
    return ((at - centre) / radius).square();
  };
  const at::Tensor rows = distance(frame.size(2), y, height).reshape({-1, 1});
  const at::Tensor columns = distance(frame.size(3), x, width).reshape({1, -1});
  return frame * (1 + (gain - 1) * at::exp(-(rows + columns)));
}

}  // namespace

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
  if (random.chance(kStrong)) x = bend_tones(x, random);
  if (random.chance(kStrong)) x = light_a_place(x, random);
  return x.round().clamp(0, 255).contiguous();
}

}  // namespace quant::tuning
