// SPDX-License-Identifier: MIT
// The geometry that convolution and pooling share: a dilated kernel that steps over padded spatial
// axes.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/graph/attributes.h"
#include "quant/tensor/shape.h"

namespace quant {

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// As the attributes say it; one entry per spatial axis.
struct Window {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  AutoPad auto_pad = AutoPad::kNotSet;

  std::size_t rank() const { return kernel.size(); }
  // What the kernel covers of one axis, holes included.
  std::int64_t extent(std::size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
};

// Reads kernel_shape, strides, dilations, pads and auto_pad for `rank` spatial axes. `kernel` (from
// the weights; empty where there are none) stands in for an absent kernel_shape and must equal a
// present one. Every number is checked against limits far above any real network, so that sums and
// products of them stay in range.
Result<Window> read_window(const Attributes& attributes, std::size_t rank,
                           const std::vector<std::int64_t>& kernel);

// A window on an input of known size: auto_pad resolved, output sizes counted.
struct PlacedWindow : Window {
  std::vector<std::int64_t> input;
  std::vector<std::int64_t> output;
};

// With ceil_mode the last window may hang over the end, yet it must begin inside input or begin
// padding (opset 19's rule, which is PyTorch's). InvalidData where the kernel does not fit. Unknown
// (-1) input sizes give unknown output sizes.
Result<PlacedWindow> place_window(const Window& window, const std::vector<std::int64_t>& input,
                                  bool ceil_mode);

// The same for a transposed convolution: output = (input − 1)·stride + output_padding + extent −
// pads, or the attribute output_shape, from which the padding follows.
Result<PlacedWindow> place_transposed_window(const Window& window,
                                             const std::vector<std::int64_t>& input,
                                             const Attributes& attributes);

}  // namespace quant
