// SPDX-License-Identifier: MIT
// out[i0,i1,…] = in[table0[i0], table1[i1], …]: padding of every mode, gather along axes, tile.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/base/thread_pool.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

enum class PadMode { kConstant, kEdge, kReflect, kWrap };

// Source index of each output index along one axis: −1 = the constant. before and after may be
// negative (cropping). kReflect does not repeat the edge. Sizes ≥ 1 where the mode is not
// kConstant.
std::vector<std::int64_t> pad_axis(std::int64_t in_size, std::int64_t before, std::int64_t after,
                                   PadMode mode);

struct IndexedCopySpec {
  DataType type = DataType::kUint8;                // or kUint16
  std::vector<std::int64_t> in_shape;              // dense, rank ≤ 12
  std::vector<std::vector<std::int64_t>> indices;  // one table per axis: entries −1 … in_shape − 1
  std::uint16_t constant = 0;                      // where any axis says −1
};

// Output is dense, shape = lengths of the tables. Reentrant, no overlap.
class IndexedCopy {
 public:
  explicit IndexedCopy(const IndexedCopySpec& spec);
  void run(const void* input, void* output, ThreadPool& pool) const;

 private:
  template <typename T>
  void run_as(const T* input, T* output, ThreadPool& pool) const;

  IndexedCopySpec spec_;
  std::vector<std::int64_t> strides_;
  bool innermost_contiguous_ = false;
};

}  // namespace quant::integer
