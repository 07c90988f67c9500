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

Resampler::Resampler(int in_width, int in_height, int out_width, int out_height, int channels,
                     const PixelWindow& window)
    : horizontal_(make_axis(in_width, out_width, window.x, window.width)),
      vertical_(make_axis(in_height, out_height, window.y, window.height)),
      channels_(channels),
      first_row_(window.y),
      end_row_(window.y + window.height) {
  assert(channels >= 1 && channels <= 4);
  if (in_height == out_height) return;
  first_row_ = vertical_.reach.front().first;
  end_row_ = vertical_.reach.back().first + vertical_.reach.back().count;
  if (in_width != out_width)
    between_.resize(row_bytes() * static_cast<std::size_t>(end_row_ - first_row_));
  row_sums_.resize(row_bytes());
}

bool Resampler::fits(const PixelView& in, int out_width, int out_height,
                     const PixelWindow& window) const {
  return in.width == horizontal_.in && in.height == vertical_.in && in.channels == channels_ &&
         out_width == horizontal_.out && out_height == vertical_.out &&
         window == PixelWindow{horizontal_.first, vertical_.first,
                               static_cast<int>(horizontal_.reach.size()),
                               static_cast<int>(vertical_.reach.size())};
}

Resampler::Axis Resampler::make_axis(int in, int out, int first_pixel, int count) {
  assert(first_pixel >= 0 && count >= 1 && first_pixel <= out - count);
  Axis axis;
  axis.in = in;
  axis.out = out;
  axis.first = first_pixel;
  const double scale = static_cast<double>(in) / out;
  const double radius = std::max(scale, 1.0);
  const double inverse_radius = 1.0 / radius;
  std::vector<double> weights;
  for (int i = first_pixel; i < first_pixel + count; ++i) {
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
  assert(in.width == horizontal_.in && in.height == vertical_.in && in.channels == channels_);
  const bool widths_differ = horizontal_.in != horizontal_.out;
  const bool heights_differ = vertical_.in != vertical_.out;
  const std::size_t row = row_bytes();
  // Where no pass changes the width, pixels are taken from where they are.
  const std::uint8_t* const as_wide = in.data + first_row_ * in.row_bytes +
                                      static_cast<std::ptrdiff_t>(horizontal_.first) * channels_;
  if (!widths_differ && !heights_differ) {
    for (int y = 0; y < end_row_ - first_row_; ++y) {
      std::memcpy(out + y * out_row_bytes, as_wide + y * in.row_bytes, row);
    }
    return;
  }
  if (!widths_differ) return shrink_columns(as_wide, in.row_bytes, out, out_row_bytes);
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
  for (int y = first_row_; y < end_row_; ++y) {
    const std::uint8_t* const source = in.data + y * in.row_bytes;
    std::uint8_t* target = out + (y - first_row_) * out_row_bytes;
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
  for (const Reach& reach : vertical_.reach) {
    std::fill(row_sums_.begin(), row_sums_.end(), kHalf);
    // Row by row and not column by column: the inner loop is contiguous and vectorises.
    for (int k = 0; k < reach.count; ++k) {
      const std::int32_t weight = vertical_.weights[reach.weights + static_cast<std::size_t>(k)];
      const std::uint8_t* const source = in + (reach.first + k - first_row_) * in_row_bytes;
      for (std::size_t x = 0; x < row; ++x) row_sums_[x] += source[x] * weight;
    }
    for (std::size_t x = 0; x < row; ++x) out[x] = to_pixel(row_sums_[x]);
    out += out_row_bytes;
  }
}

}  // namespace quant
