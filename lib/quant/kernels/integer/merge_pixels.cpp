// SPDX-License-Identifier: MIT
#include <algorithm>

#include "quant/kernels/integer/convolution.h"

namespace quant::integer {
namespace {

// Fewer pixels of a row than this are mostly borders.
constexpr std::int64_t kLeastPixels = 16;

template <typename T>
std::vector<T> repeated(const std::vector<T>& values, std::int64_t count) {
  std::vector<T> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.insert(result.end(), values.begin(), values.end());
  return result;
}

Requantization repeated(const Requantization& channels, std::int64_t count) {
  const auto repeat = [&](const auto& values) {
    return values.size() == 1 ? values : repeated(values, count);
  };
  return {repeat(channels.multipliers), repeat(channels.wide_multipliers),
          repeat(channels.outputs)};
}

std::int64_t mergeable(const Convolution& convolution, std::int64_t lanes) {
  const Conv2dShape& s = convolution.shape;
  if (convolution.transposed || s.groups > 1 || s.dilation_w > 1 || s.stride_w >= s.kernel_w ||
      convolution.pixel_stride != s.out_c) {
    return 1;
  }
  std::int64_t pixels =
      std::max<std::int64_t>(1, std::min(lanes / s.out_c, s.out_w / kLeastPixels));
  while (s.out_w % pixels != 0) --pixels;
  return pixels;
}

}  // namespace

Convolution merge_pixels(const Convolution& convolution, std::int64_t lanes) {
  const std::int64_t pixels = mergeable(convolution, lanes);
  if (pixels == 1) return convolution;
  const Conv2dShape& from = convolution.shape;
  Convolution result = convolution;
  Conv2dShape& to = result.shape;
  to.out_c = from.out_c * pixels;
  to.out_w = from.out_w / pixels;
  to.kernel_w = from.kernel_w + (pixels - 1) * from.stride_w;
  to.stride_w = from.stride_w * pixels;
  result.pixel_stride = to.out_c;
  result.bias = repeated(convolution.bias, pixels);
  result.requantization = repeated(convolution.requantization, pixels);
  result.weights.assign(static_cast<std::size_t>(to.out_c * result.kernel_size()), 0);
  const std::int64_t row = from.kernel_w * from.in_c;
  for (std::int64_t o = 0; o < to.out_c; ++o) {
    const std::int64_t shift = o / from.out_c * from.stride_w * from.in_c;
    for (std::int64_t y = 0; y < from.kernel_h; ++y) {
      const auto weights = convolution.weights.begin() + (o % from.out_c * from.kernel_h + y) * row;
      std::copy_n(weights, row,
                  result.weights.begin() + (o * to.kernel_h + y) * to.kernel_w * to.in_c + shift);
    }
  }
  return result;
}

}  // namespace quant::integer
