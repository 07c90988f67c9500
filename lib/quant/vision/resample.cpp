// SPDX-License-Identifier: MIT
#include "quant/vision/resample.h"

#include <cassert>
#include <cstring>

namespace quant {

Resampler::Resampler(int in_width, int in_height, int out_width, int out_height, int channels)
    : in_width_(in_width),
      in_height_(in_height),
      out_width_(out_width),
      out_height_(out_height),
      channels_(channels) {
  assert(channels >= 1 && channels <= 4);
  if (in_width != out_width) row_pass_.emplace(in_width, out_width, channels);
  if (in_height != out_height) column_pass_.emplace(in_height, out_height);
  if (row_pass_ && column_pass_) {
    between_.resize(static_cast<std::size_t>(out_width) * static_cast<std::size_t>(channels) *
                    static_cast<std::size_t>(in_height));
  }
}

bool Resampler::fits(const PixelView& in, int out_width, int out_height) const {
  return in.width == in_width_ && in.height == in_height_ && in.channels == channels_ &&
         out_width == out_width_ && out_height == out_height_;
}

void Resampler::run(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  assert(fits(in, out_width_, out_height_));
  const std::size_t row =
      static_cast<std::size_t>(out_width_) * static_cast<std::size_t>(channels_);
  if (row_pass_ && column_pass_) {
    const auto between_row = static_cast<std::ptrdiff_t>(row);
    row_pass_->run(in, between_.data(), between_row);
    column_pass_->run(between_.data(), between_row, row, out, out_row_bytes);
  } else if (row_pass_) {
    row_pass_->run(in, out, out_row_bytes);
  } else if (column_pass_) {
    column_pass_->run(in.data, in.row_bytes, row, out, out_row_bytes);
  } else {
    for (int y = 0; y < in.height; ++y)
      std::memcpy(out + y * out_row_bytes, in.data + y * in.row_bytes, row);
  }
}

}  // namespace quant
