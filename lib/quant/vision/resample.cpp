// SPDX-License-Identifier: MIT
#include "quant/vision/resample.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace quant {

Resampler::Resampler(int in_width, int in_height, int out_width, int out_height, int channels,
                     const PixelWindow& window)
    : in_{nullptr, in_width, in_height, channels, 0},
      out_width_(out_width),
      out_height_(out_height),
      window_(window),
      first_row_(window.y),
      end_row_(window.y + window.height) {
  assert(channels >= 1 && channels <= 4);
  if (in_width != out_width)
    row_pass_.emplace(ResampleAxis(in_width, out_width, window.x, window.width), channels);
  if (in_height == out_height) return;
  ResampleAxis axis(in_height, out_height, window.y, window.height);
  first_row_ = axis.first_in();
  end_row_ = axis.end_in();
  column_pass_.emplace(std::move(axis));
  if (row_pass_) {
    between_.resize(static_cast<std::size_t>(window.width) * static_cast<std::size_t>(channels) *
                    static_cast<std::size_t>(end_row_ - first_row_));
  }
}

bool Resampler::fits(const PixelView& in, int out_width, int out_height,
                     const PixelWindow& window) const {
  return in.width == in_.width && in.height == in_.height && in.channels == in_.channels &&
         out_width == out_width_ && out_height == out_height_ && window == window_;
}

void Resampler::run(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  assert(fits(in, out_width_, out_height_, window_));
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(window_.width) * in.channels;
  const auto row_bytes = static_cast<std::size_t>(row);
  PixelView rows = in;
  rows.data += first_row_ * in.row_bytes;
  rows.height = end_row_ - first_row_;
  // Where no pass changes the width, pixels are taken from where they are.
  const std::uint8_t* const as_wide =
      rows.data + static_cast<std::ptrdiff_t>(window_.x) * in.channels;
  if (row_pass_ && column_pass_) {
    row_pass_->run(rows, between_.data(), row);
    column_pass_->run(between_.data(), row, row_bytes, out, out_row_bytes);
  } else if (row_pass_) {
    row_pass_->run(rows, out, out_row_bytes);
  } else if (column_pass_) {
    column_pass_->run(as_wide, in.row_bytes, row_bytes, out, out_row_bytes);
  } else {
    for (int y = 0; y < rows.height; ++y)
      std::memcpy(out + y * out_row_bytes, as_wide + y * in.row_bytes, row_bytes);
  }
}

}  // namespace quant
