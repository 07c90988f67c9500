// SPDX-License-Identifier: MIT
// Moves elements from one strided box to another: transpose, slice, split, concat, expand, depth to
// space, channel shuffle. Optionally through a table, where the parameters of the two tensors
// differ.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// out[out_offset + Σ i·out_strides] = table[in[in_offset + Σ i·in_strides]] for every index i of
// `shape`. Rank ≤ 12, strides in elements. in_strides may be 0 (expand) or negative (reversed
// slices); the outputs are distinct.
struct StridedCopySpec {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> in_strides, out_strides;
  std::int64_t in_offset = 0, out_offset = 0;
  DataType type = DataType::kUint8;  // without a table: of both, or kUint16, or one of four bytes
  std::optional<LookupTable> table;  // identity tables are dropped
};

// Reentrant, no overlap. Merges axes and orders them once, in the constructor.
class StridedCopy {
 public:
  StridedCopy(const StridedCopySpec& spec, Isa isa);
  void run(const void* input, void* output, ThreadPool& pool) const;
  Isa isa() const { return isa_; }

 private:
  template <typename In, typename Out>
  void run_as(const In* input, Out* output, ThreadPool& pool) const;

  StridedCopySpec spec_;
  Isa isa_;
};

// Transpose: output axis i is input axis permutation[i]; both dense.
StridedCopySpec transpose_spec(const std::vector<std::int64_t>& in_shape,
                               const std::vector<int>& permutation);
// One piece of a concatenation: rows × width, dense in, out_row_stride apart out from out_offset
// on.
StridedCopySpec concat_spec(std::int64_t rows, std::int64_t width, std::int64_t out_row_stride,
                            std::int64_t out_offset);

}  // namespace quant::integer
