// SPDX-License-Identifier: MIT
// What Dequantize does to rows of elements: (q − zero_point) · scale in float32. Steps are in
// elements; input and output do not overlap. Nothing is read or written beside the rows, unless
// said.
#pragma once

#include <cstdint>

#include "quant/kernels/integer/isa.h"

namespace quant {

// How results are stored.
enum class Store {
  kCached,
  kStreamed,  // past the caches, for what does not fit in: no line is read only to be overwritten
};

// T: uint8 or uint16.
template <typename T>
struct DequantizeKernels {
  Isa isa = Isa::kRef;
  // Row r has the parameters at r · param_step.
  void (*by_row)(const T* in, std::int64_t in_step, float* out, std::int64_t out_step,
                 std::int64_t rows, std::int64_t columns, const float* scales,
                 const float* zero_points, std::int64_t param_step, Store store) = nullptr;
  // Column c has the parameters at c mod period; period ≥ kParamStep. The
  // first kParamStep of them follow once more.
  void (*by_column)(const T* in, std::int64_t in_step, float* out, std::int64_t out_step,
                    std::int64_t rows, std::int64_t columns, const float* scales,
                    const float* zero_points, std::int64_t period, Store store) = nullptr;
};
// Elements that by_column takes at once, at most.
inline constexpr std::int64_t kParamStep = 64;

// The ones of `isa`; null where it has no vectors.
template <typename T>
const DequantizeKernels<T>* dequantize_kernels(Isa isa);

}  // namespace quant
