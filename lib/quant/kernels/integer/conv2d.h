// SPDX-License-Identifier: MIT
// Convolution of uint8 or uint16 NHWC by int8 or int16 weights: general, grouped, depthwise, 1×1.
//   out[n,y,x,o] = requantize(bias[o] + Σ w[o,c,i,j]·(in[n, y·sh − pt + i·dh, x·sw − pl + j·dw, c]
//   − zp[c]))
// over the taps inside the image: what padding would add is exactly 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "quant/arithmetic/requantize.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// All sizes ≥ 1, pads ≥ 0. in_c and out_c are multiples of groups. Padding at bottom and right
// follows from out_h and out_w.
struct Conv2dShape {
  std::int64_t batch = 1;
  std::int64_t in_h = 1, in_w = 1, in_c = 1;
  std::int64_t out_h = 1, out_w = 1, out_c = 1;
  std::int64_t kernel_h = 1, kernel_w = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  std::int64_t groups = 1;

  std::int64_t multiply_adds() const {
    return batch * out_h * out_w * out_c * (in_c / groups) * kernel_h * kernel_w;
  }
};

// Spans are read by the constructor only.
struct Conv2dSpec {
  Conv2dShape shape;
  DataType input_type = DataType::kUint8;   // or kUint16
  DataType weight_type = DataType::kInt8;   // or kInt16; `weights` lie in its range
  DataType output_type = DataType::kUint8;  // or kUint16
  std::span<const std::int16_t> weights;    // ONNX: (out_c, in_c/groups, kernel_h, kernel_w)
  std::span<const std::int64_t> bias;       // out_c, each within ±2^53, or empty: zeros
  std::span<const std::int32_t> input_zero_points;  // 1 or in_c, each a level of the input
  Requantization requantization;                    // 1 or out_c multipliers and outputs
  // Elements from one output pixel to the next, ≥ out_c; 0: out_c. More lets a concatenation be
  // filled in place.
  std::int64_t output_pixel_stride = 0;
};

// Whether an output_pixel_stride costs nothing. Depthwise layers and those of few outputs are
// faster where pixels are dense, as they take neighbours as one.
bool leaves_room(const Conv2dShape& shape);

class ConvolutionImplementation;

// Reentrant after construction; concurrent runs need scratch memory of their own. 8-bit tensors are
// summed in int32 where the constructor proves that it holds them; all else is summed exactly in 53
// bits or, where they are not proved to do, in int64 (scalar), and requantized in double.
class Conv2d {
 public:
  // Precondition: `isa` is one of available_isas().
  Conv2d(const Conv2dSpec& spec, Isa isa);
  ~Conv2d();
  Conv2d(Conv2d&&) noexcept;
  Conv2d& operator=(Conv2d&&) noexcept;

  // Bytes of scratch that run() needs with a pool of that many threads.
  std::size_t scratch_bytes(int threads) const;
  // `input` is dense; `output` has batch·out_h·out_w pixels. They may not overlap. `scratch` is
  // aligned to kBufferAlignment. Allocates nothing.
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const;
  // The kernels that run() uses: the scalar ones where SIMD has no path.
  Isa isa() const;
  // More than int32 and float32.
  bool wide() const;

 private:
  std::unique_ptr<ConvolutionImplementation> implementation_;
};

}  // namespace quant::integer
