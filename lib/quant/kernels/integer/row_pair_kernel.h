// SPDX-License-Identifier: MIT
// The micro-kernel of 3×3 depthwise convolutions with stride 1: two output rows at a time, from
// four input rows that lie interleaved, so that each is interleaved once or twice and not nine
// times.
#pragma once

#include <cstdint>

#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/store_range.h"

namespace quant::integer {

// Channels are taken in units of 16. A vector has a unit, or some neighbours of a row, pixels and
// channels alike.
inline constexpr std::int64_t kRowUnit = 16;

// A group of interleaved rows: (4 planes, units, 16 bytes). Plane p of a unit has its channels
// 4·p … 4·p + 3, of each the elements of all rows of the group: two words, or four bytes.
struct InterleaveJob {
  const std::uint8_t* rows[4] = {};  // the kernel's depth of them
  std::int64_t units = 0;
  std::uint8_t* out = nullptr;  // where the first unit belongs in plane 0
  std::int64_t plane_bytes = 0;
};

struct RowPairJob {
  // Of four rows, from the first output's first tap on; in one piece of memory.
  const std::uint8_t* groups[2] = {};
  std::int64_t plane_bytes = 0;
  std::int64_t column_bytes = 0;  // from one tap of a row to the next
  std::int64_t units = 0;         // of an output row
  // Vectors of a row take turns through `sets` sets of constants.
  std::int64_t sets = 0;
  const void* weights = nullptr;       // (sets, 4 planes, 3 columns, groups, 2 rows, vector)
  const std::int32_t* bias = nullptr;  // (sets, 4 planes, vector)
  const float* multipliers = nullptr;  // (sets, 4 planes, vector)
  StoreRange range;
  std::uint8_t* outputs[2] = {};  // rows; the second is null where there is none
};

struct RowPairKernel {
  Isa isa = Isa::kRef;
  std::int64_t units = 0;  // of a vector
  int depth = 0;           // rows of a group: 2 with weights of int16, or 4 with int8
  void (*interleave)(const InterleaveJob& job) = nullptr;
  // May read a vector beyond the end of a group.
  void (*run)(const RowPairJob& job) = nullptr;
  std::int32_t offset = 0;  // taken from an activation before it is multiplied
};

// Two groups of two rows. Null for kRef.
const RowPairKernel* row_pair_kernel(Isa isa);
// One group of four. Null where `isa` has no dot products.
const RowPairKernel* byte_row_pair_kernel(Isa isa);

}  // namespace quant::integer
