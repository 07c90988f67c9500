// SPDX-License-Identifier: MIT
#include "quant/vision/resample.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace quant {
namespace {

// The largest precision at which 255 times weights that sum to 1 stays within int32, rounding
// included.
constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// Weights are not negative, so that sums never leave 0…255 by more than rounding upward.
std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::min(sum >> kWeightBits, 255));
}

}  // namespace

Resampler::Resampler(int in_width, int in_height, int out_width, int out_height, int channels)
    : horizontal_(make_axis(in_width, out_width)),
      vertical_(make_axis(in_height, out_height)),
      channels_(channels) {
  assert(channels >= 1 && channels <= 4);
  const std::size_t row = static_cast<std::size_t>(out_width) * static_cast<std::size_t>(channels);
  if (in_width != out_width && in_height != out_height) {
    between_.resize(row * static_cast<std::size_t>(in_height));
  }
  if (in_height != out_height) row_sums_.resize(row);
}

bool Resampler::fits(const PixelView& in, int out_width, int out_height) const {
  return in.width == horizontal_.in && in.height == vertical_.in && in.channels == channels_ &&
         out_width == horizontal_.out && out_height == vertical_.out;
}

Resampler::Axis Resampler::make_axis(int in, int out) {
  Axis axis;
  axis.in = in;
  axis.out = out;
  const double scale = static_cast<double>(in) / out;
  const double radius = std::max(scale, 1.0);
  const double inverse_radius = 1.0 / radius;
  std::vector<double> weights;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - radius + 0.5), 0);
    const int last = std::min(static_cast<int>(center + radius + 0.5), in);  // one behind
    weights.clear();
    double sum = 0;
    for (int x = first; x < last; ++x) {
      const double distance = std::abs((x - center + 0.5) * inverse_radius);
      weights.push_back(std::max(1.0 - distance, 0.0));
      sum += weights.back();
    }
    axis.reach.push_back({first, last - first, axis.weights.size()});
    for (const double weight : weights) {
      const double normalized = sum == 0 ? weight : weight / sum;
      axis.weights.push_back(static_cast<std::int32_t>(0.5 + normalized * (1 << kWeightBits)));
    }
  }
  return axis;
}

void Resampler::run(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  assert(fits(in, horizontal_.out, vertical_.out));
  const bool widths_differ = horizontal_.in != horizontal_.out;
  const bool heights_differ = vertical_.in != vertical_.out;
  const std::size_t row =
      static_cast<std::size_t>(horizontal_.out) * static_cast<std::size_t>(channels_);
  if (!widths_differ && !heights_differ) {
    for (int y = 0; y < in.height; ++y) {
      std::memcpy(out + y * out_row_bytes, in.data + y * in.row_bytes, row);
    }
    return;
  }
  if (!widths_differ) return shrink_columns(in.data, in.row_bytes, out, out_row_bytes);
  std::uint8_t* const rows = heights_differ ? between_.data() : out;
  const std::ptrdiff_t rows_bytes =
      heights_differ ? static_cast<std::ptrdiff_t>(row) : out_row_bytes;
  switch (channels_) {
    case 1:
      shrink_rows<1>(in, rows, rows_bytes);
      break;
    case 2:
      shrink_rows<2>(in, rows, rows_bytes);
      break;
    case 3:
      shrink_rows<3>(in, rows, rows_bytes);
      break;
    case 4:
      shrink_rows<4>(in, rows, rows_bytes);
      break;
  }
  if (heights_differ) shrink_columns(rows, rows_bytes, out, out_row_bytes);
}

template <int kChannels>
void Resampler::shrink_rows(const PixelView& in, std::uint8_t* out,
                            std::ptrdiff_t out_row_bytes) const {
  for (int y = 0; y < in.height; ++y) {
    const std::uint8_t* const source = in.data + y * in.row_bytes;
    std::uint8_t* target = out + y * out_row_bytes;
    for (const Reach& reach : horizontal_.reach) {
      const std::int32_t* const weights = horizontal_.weights.data() + reach.weights;
      const std::uint8_t* pixel = source + static_cast<std::ptrdiff_t>(reach.first) * kChannels;
      std::int32_t sums[kChannels];
      std::fill_n(sums, kChannels, kHalf);
      for (int x = 0; x < reach.count; ++x) {
        for (int c = 0; c < kChannels; ++c) sums[c] += *pixel++ * weights[x];
      }
      for (int c = 0; c < kChannels; ++c) *target++ = to_pixel(sums[c]);
    }
  }
}

void Resampler::shrink_columns(const std::uint8_t* in, std::ptrdiff_t in_row_bytes,
                               std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  const std::size_t row = row_sums_.size();
  for (int y = 0; y < vertical_.out; ++y) {
    const Reach& reach = vertical_.reach[static_cast<std::size_t>(y)];
    std::fill(row_sums_.begin(), row_sums_.end(), kHalf);
    // Row by row and not column by column: the inner loop is contiguous and vectorises.
    for (int k = 0; k < reach.count; ++k) {
      const std::int32_t weight = vertical_.weights[reach.weights + static_cast<std::size_t>(k)];
      const std::uint8_t* const source = in + (reach.first + k) * in_row_bytes;
      for (std::size_t x = 0; x < row; ++x) row_sums_[x] += source[x] * weight;
    }
    std::uint8_t* const target = out + y * out_row_bytes;
    for (std::size_t x = 0; x < row; ++x) target[x] = to_pixel(row_sums_[x]);
  }
}

}  // namespace quant
