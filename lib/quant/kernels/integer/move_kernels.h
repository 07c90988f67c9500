// SPDX-License-Identifier: MIT
// What a strided copy does to two axes at a time, for the cases that vectors are good at. All steps
// are in elements, and input and output do not overlap. Nothing is read beyond the last element
// that is copied, nor written beside those.
#pragma once

#include <cstdint>

#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// T: uint8, uint16 or uint32.
template <typename T>
struct MoveKernels {
  Isa isa = Isa::kRef;
  // out[r·out_step + c] = in[r·in_step + c], row after row: where out_step is below the columns,
  // the later row stays.
  void (*rows)(const T* in, std::int64_t in_step, T* out, std::int64_t out_step, std::int64_t rows,
               std::int64_t columns) = nullptr;
  // out[r·out_step + c] = in[r·in_step + 2·c].
  void (*every_second)(const T* in, std::int64_t in_step, T* out, std::int64_t out_step,
                       std::int64_t rows, std::int64_t columns) = nullptr;
  // out[r·out_step + c] = in[r + c·in_step]; in_step and out_step ≥ 1.
  void (*transpose)(const T* in, std::int64_t in_step, T* out, std::int64_t out_step,
                    std::int64_t rows, std::int64_t columns) = nullptr;
  // out[p·out_step + 2·c + g] = in[p·in_step + g·group_step + c] for g = 0 and 1, c < n: the
  // channels of pixels, shuffled.
  void (*interleave)(const T* in, std::int64_t in_step, std::int64_t group_step, T* out,
                     std::int64_t out_step, std::int64_t pixels, std::int64_t n) = nullptr;
};

// The ones of `isa`; null where it has no vectors.
template <typename T>
const MoveKernels<T>* move_kernels(Isa isa);

}  // namespace quant::integer
