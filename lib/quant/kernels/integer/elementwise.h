// SPDX-License-Identifier: MIT
// Element-wise add, sub, mul, div, min, max with numpy broadcasting, and PRelu. Rules:
// arithmetic/elementwise.h.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/arithmetic/elementwise.h"
#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// Rank ≤ 8, all vectors as long as out_shape. Strides in elements, 0 along broadcast axes; out is
// dense.
struct BinarySpec {
  BinaryOp op = BinaryOp::kAdd;
  std::vector<std::int64_t> out_shape;
  std::vector<std::int64_t> a_strides, b_strides;
  DataType a_type = DataType::kUint8, b_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams a, b;
  float output_scale = 1;
  OutputRange output;
};

// Reentrant. `output` may be `a` or `b` where that operand is dense, not broadcast and of the
// output's type, else no overlap.
class Binary {
 public:
  Binary(const BinarySpec& spec, Isa isa);
  void run(const void* a, const void* b, void* output, ThreadPool& pool) const;
  // kRef where a tensor has 16 bits.
  Isa isa() const { return isa_; }

 private:
  template <typename A, typename B, typename Out>
  void run_as(const A* a, const B* b, Out* output, ThreadPool& pool) const;

  BinarySpec spec_;  // axes merged where both operands allow it
  Isa isa_;
};

// Channels innermost; one slope per channel, or one for all.
struct PReluSpec {
  std::int64_t pixels = 1, channels = 1;
  std::vector<float> slopes;
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Reentrant. `output` may be `input` where they have one type.
class PRelu {
 public:
  PRelu(const PReluSpec& spec, Isa isa);
  void run(const void* input, void* output, ThreadPool& pool) const;
  // kRef where a tensor has 16 bits.
  Isa isa() const { return isa_; }

 private:
  void run_bytes(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const;
  template <typename In, typename Out>
  void run_wide(const In* input, Out* output, ThreadPool& pool) const;

  PReluSpec spec_;
  std::vector<LookupTable> tables_;  // bytes: one per slope, as the rule has 256 inputs
  std::vector<PReluMultipliers<double>> multipliers_;  // else: one per slope
  Isa isa_;
};

}  // namespace quant::integer
