// SPDX-License-Identifier: MIT
// Softmax of short dense lines of bytes, several elements at a time.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

struct SoftmaxLines {
  const std::uint32_t* table = nullptr;  // 256, as SoftmaxTable
  double output_scale = 1;
  OutputRange output;
  std::int64_t axis = 1;  // elements of a line, ≤ kMaxSoftmaxLine
};
// The sum of as many exponentials is below 2^31.
inline constexpr std::int64_t kMaxSoftmaxLine = 255;

struct SoftmaxKernel {
  Isa isa = Isa::kRef;
  // `lines` lines, one behind the other.
  void (*run)(const SoftmaxLines& softmax, const std::uint8_t* in, std::uint8_t* out,
              std::int64_t lines) = nullptr;
};

// Null for kRef.
const SoftmaxKernel* softmax_kernel(Isa isa);

}  // namespace quant::integer
