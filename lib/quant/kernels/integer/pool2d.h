// SPDX-License-Identifier: MIT
// Max and average pooling of NHWC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// Sizes ≥ 1, pads ≥ 0. out_h and out_w are the caller's (ceil_mode is decided there).
struct Pool2dShape {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, channels = 1;
  std::int64_t out_h = 1, out_w = 1;
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

struct MaxPool2dSpec {
  Pool2dShape shape;
  DataType type = DataType::kUint8;  // of input and output, or kUint16
  // Applied to the maximum: make_requantize_table where output parameters differ. Precondition: not
  // decreasing, both types `type`.
  std::optional<LookupTable> table;
};

// Greatest q over the taps inside the image; every window has at least one. Reentrant, no overlap;
// `scratch`: scratch_bytes(pool.threads()) bytes, aligned to kBufferAlignment.
class MaxPool2d {
 public:
  MaxPool2d(const MaxPool2dSpec& spec, Isa isa);
  std::size_t scratch_bytes(int threads) const;
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const;
  // kRef at 16 bits.
  Isa isa() const { return isa_; }

 private:
  template <typename T>
  void run_as(const T* input, T* output, std::byte* scratch, ThreadPool& pool) const;

  MaxPool2dSpec spec_;  // without an identity table
  Isa isa_;
};

struct AveragePool2dSpec {
  Pool2dShape shape;
  bool count_include_pad = false;
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// S = Σ (q − zp) over the taps inside the image; t = S·M[count] (arithmetic/average.h).
// count is the number of taps inside the image, or, with count_include_pad, inside the image and
// its pads (what ceil_mode adds beyond them is not counted). kernel_h·kernel_w ≤ 2^23. Reentrant,
// no overlap; `scratch` as above.
class AveragePool2d {
 public:
  AveragePool2d(const AveragePool2dSpec& spec, Isa isa);
  std::size_t scratch_bytes(int threads) const;
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const;
  // kRef where a tensor has 16 bits.
  Isa isa() const { return isa_; }

 private:
  template <typename In, typename Out>
  void run_as(const In* input, Out* output, std::byte* scratch, ThreadPool& pool) const;

  AveragePool2dSpec spec_;
  Isa isa_;
};

}  // namespace quant::integer
