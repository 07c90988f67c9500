// SPDX-License-Identifier: MIT
// Frames of noise as a calibration set.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"

namespace quant::testing {

inline InputSpec input_spec(int width, int height, int channels, std::vector<float> mean,
                            std::vector<float> std) {
  InputSpec spec;
  spec.name = "x";
  spec.width = width;
  spec.height = height;
  spec.color = channels == 1 ? ColorOrder::kGray : ColorOrder::kRgb;
  spec.mean = std::move(mean);
  spec.std = std::move(std);
  return spec;
}

inline Tensor random_frame(const InputSpec& spec, unsigned seed) {
  Tensor frame(DataType::kUint8, {spec.height, spec.width, spec.channels()});
  std::mt19937 random(seed);
  for (std::uint8_t& pixel : frame.data<std::uint8_t>())
    pixel = static_cast<std::uint8_t>(random());
  return frame;
}

inline Tensor float_pixels(const Tensor& frame) {
  const Shape& shape = frame.shape();
  Tensor pixels(DataType::kFloat32, {1, shape[2], shape[0], shape[1]});
  const auto plane = static_cast<std::size_t>(shape[0] * shape[1]);
  const auto channels = static_cast<std::size_t>(shape[2]);
  for (std::size_t i = 0; i < plane * channels; ++i) {
    pixels.data<float>()[i % channels * plane + i / channels] = frame.data<std::uint8_t>()[i];
  }
  return pixels;
}

class RandomFrames : public CalibrationSet {
 public:
  RandomFrames(const InputSpec& spec, int count) : spec_(spec), frames_(count) {}
  std::optional<std::int64_t> count() const override { return frames_; }
  Result<std::optional<std::vector<Tensor>>> next() override {
    if (next_ == frames_) return std::optional<std::vector<Tensor>>();
    return std::optional(
        std::vector<Tensor>{float_pixels(random_frame(spec_, static_cast<unsigned>(++next_)))});
  }
  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  InputSpec spec_;
  int frames_;
  int next_ = 0;
};

}  // namespace quant::testing
