// SPDX-License-Identifier: MIT
// Matrix products: activations by constant weights, and activations by activations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quant/kernels/integer/conv2d.h"

namespace quant::integer {

// out[r,n] = requantize(bias[n] + Σ_k (in[r,k] − zp)·w[k,n]).
struct FullyConnectedSpec {
  std::int64_t rows = 1, inputs = 1, outputs = 1;
  DataType input_type = DataType::kUint8;  // the types, bias and zero points: as in Conv2dSpec
  DataType weight_type = DataType::kInt8;
  DataType output_type = DataType::kUint8;
  std::span<const std::int16_t>
      weights;  // (outputs, inputs), or (inputs, outputs) where transposed
  bool weights_transposed = false;
  std::span<const std::int64_t> bias;               // outputs, or empty: zeros
  std::span<const std::int32_t> input_zero_points;  // 1 or inputs
  Requantization requantization;                    // 1 or `outputs` multipliers and outputs
  std::int64_t output_row_stride = 0;               // 0: outputs
};
// A 1×1 convolution over `rows` pixels.
Conv2d make_fully_connected(const FullyConnectedSpec& spec, Isa isa);

// out[i,m,n] = requantize(Σ_k (a[i,m,k] − zp_a)·(b[i,k,n] − zp_b)), both operands activations.
// Matrices are dense row-major; where they lie is given batch by batch, so that any broadcast can
// be said.
struct MatMulSpec {
  std::int64_t m = 1, k = 1, n = 1;
  DataType a_type = DataType::kUint8, b_type = DataType::kUint8, output_type = DataType::kUint8;
  std::vector<std::int64_t> a_offsets{0};  // in elements, one per batch; out's matrices are dense
  std::vector<std::int64_t> b_offsets{0};
  bool b_transposed = false;  // b is (n, k)
  std::int32_t a_zero_point = 0, b_zero_point = 0;
  Requantization requantization;  // one multiplier: double(s_a)·s_b/s_out; one output
};

class MatMulImplementation;

// Reentrant after construction. 8-bit tensors with k ≤ 2^31/255² are summed in int32, all else in
// 53 bits or, where those may not do, in int64 (scalar), and requantized in double.
class MatMul {
 public:
  MatMul(const MatMulSpec& spec, Isa isa);
  ~MatMul();
  MatMul(MatMul&&) noexcept;
  MatMul& operator=(MatMul&&) noexcept;

  std::size_t scratch_bytes(int threads) const;
  void run(const void* a, const void* b, void* output, std::byte* scratch, ThreadPool& pool) const;
  Isa isa() const;
  // More than int32 and float32.
  bool wide() const;

 private:
  std::unique_ptr<MatMulImplementation> implementation_;
};

}  // namespace quant::integer
