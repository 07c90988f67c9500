// SPDX-License-Identifier: MIT
// Element-wise add, sub, mul, div, min, max with numpy broadcasting, and PRelu. Rules:
// arithmetic/elementwise.h.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "quant/arithmetic/elementwise.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// Rank ≤ 8, all vectors as long as out_shape. Strides in elements, 0 along broadcast axes; out is
// dense.
struct BinarySpec {
  BinaryOp op = BinaryOp::kAdd;
  std::vector<std::int64_t> out_shape;
  std::vector<std::int64_t> a_strides, b_strides;
  AffineParams a, b;
  float output_scale = 1;
  OutputRange output;
};

// Reentrant. `output` may be `a` or `b` where that operand is dense and not broadcast, else no
// overlap.
class Binary {
 public:
  Binary(const BinarySpec& spec, Isa isa);
  void run(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
           ThreadPool& pool) const;
  Isa isa() const { return isa_; }

 private:
  BinarySpec spec_;  // axes merged where both operands allow it
  BinaryMultipliers multipliers_;
  Isa isa_;
};

// Channels innermost; one slope per channel, or one for all.
struct PReluSpec {
  std::int64_t pixels = 1, channels = 1;
  std::vector<float> slopes;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Reentrant. `output` may be `input`.
class PRelu {
 public:
  PRelu(const PReluSpec& spec, Isa isa);
  void run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const;
  Isa isa() const { return isa_; }

 private:
  std::int64_t pixels_, channels_;
  std::vector<std::array<std::uint8_t, 256>> tables_;  // one per slope: the rule has 256 inputs
  Isa isa_;
};

}  // namespace quant::integer
