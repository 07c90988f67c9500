// SPDX-License-Identifier: MIT
// All that is known of a tensor on a buffer but its elements.
#pragma once

#include <gst/quant/quant.h>

#include <vector>

namespace quant::element {

// Constant; reentrant.
class TensorKind {
 public:
  explicit TensorKind(const GstQuantTensor* tensor);

  // Whether that tensor differs in its elements, and the range that calibration allows for, alone:
  // what was prepared for the first one serves it too.
  bool is_of(const GstQuantTensor* tensor) const;

 private:
  GstQuantTensor seen_;  // without what its pointers point to, but for interned texts
  std::vector<float> scale_;
  std::vector<float> zero_point_;
};

}  // namespace quant::element
