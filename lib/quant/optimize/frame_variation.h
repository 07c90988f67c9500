// SPDX-License-Identifier: MIT
// More frames from few: the float network teaches, so any picture is a training frame. Includes
// torch: only sources of fine-tuning do.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <random>

namespace quant::tuning {

// The same numbers with every standard library. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
  }
  // 0 … count − 1.
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(count));
  }
  bool chance(double probability) { return uniform(0, 1) < probability; }

 private:
  std::mt19937_64 engine_;
};

// `frame` float32 (1, C, H, W), 0 … 255: a part of it enlarged, perhaps mirrored, in another light,
// some with other tones or a light or shadow in one place; integers again.
at::Tensor vary_frame(const at::Tensor& frame, Random& random);

}  // namespace quant::tuning
