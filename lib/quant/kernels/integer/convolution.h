// SPDX-License-Identifier: MIT
// What all convolutions share inside this folder: weights in one canonical order, and the
// implementations that Conv2d and ConvTranspose2d choose from. Not for use outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "quant/kernels/integer/conv2d.h"
#include "quant/kernels/integer/conv_transpose2d.h"

namespace quant::integer {

struct Convolution {
  Conv2dShape shape;
  bool transposed = false;
  DataType input_type = DataType::kUint8;
  DataType output_type = DataType::kUint8;
  std::vector<std::int16_t> weights;      // (out_c, kernel_h, kernel_w, in_c/groups)
  std::vector<std::int64_t> bias;         // out_c
  std::vector<std::int32_t> zero_points;  // in_c
  Requantization requantization;
  std::int64_t pixel_stride = 0;
  // Every step in double: a tensor has 16 bits, or int32 is not proved to hold the sums.
  bool wide = false;
  bool fits_float64 = false;  // the sums, with the input zero points folded into the bias

  std::int64_t group_inputs() const { return shape.in_c / shape.groups; }
  std::int64_t group_outputs() const { return shape.out_c / shape.groups; }
  std::int64_t kernel_size() const { return shape.kernel_h * shape.kernel_w * group_inputs(); }
  bool depthwise() const { return group_inputs() == 1 && group_outputs() == 1; }
};

Convolution make_convolution(const Conv2dSpec& spec);
Convolution make_convolution(const ConvTranspose2dSpec& spec);

// The same convolution where neighbouring output pixels are channels of one: their windows in one,
// zeros where a window does not reach. For where out_c is less than half of `lanes`, those that are
// computed in any case. The convolution as it is where that gains nothing, or pixels do not lie
// dense, are few, or are no multiple.
Convolution merge_pixels(const Convolution& convolution, std::int64_t lanes);

class ConvolutionImplementation {
 public:
  virtual ~ConvolutionImplementation() = default;
  virtual std::size_t scratch_bytes(int threads) const = 0;
  virtual void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const = 0;
  virtual Isa isa() const = 0;
  virtual bool wide() const { return false; }
};

// The normative scalar loops.
std::unique_ptr<ConvolutionImplementation> make_conv2d_ref(Convolution convolution);
std::unique_ptr<ConvolutionImplementation> make_conv_transpose2d_ref(Convolution convolution);
// Both kinds. Precondition: not wide, or fits_float64; `isa` is not kRef.
std::unique_ptr<ConvolutionImplementation> make_panel_convolution(const Convolution& convolution,
                                                                  Isa isa);
// Preconditions: not wide; `isa` is not kRef; depthwise(); one output range.
std::unique_ptr<ConvolutionImplementation> make_depthwise_convolution(
    const Convolution& convolution, Isa isa);
// Whether make_row_pair_convolution computes it: faster than make_depthwise_convolution.
bool row_pairs_fit(const Convolution& convolution);
// Preconditions: those of make_depthwise_convolution, and row_pairs_fit().
std::unique_ptr<ConvolutionImplementation> make_row_pair_convolution(const Convolution& convolution,
                                                                     Isa isa);
// Preconditions: wide and fits_float64; `isa` is not kRef; depthwise(); at most
// kMostWideDepthwiseTaps taps.
std::unique_ptr<ConvolutionImplementation> make_wide_depthwise_convolution(
    const Convolution& convolution, Isa isa);

}  // namespace quant::integer
