// SPDX-License-Identifier: MIT
// How integers stand for real values: real = (q − zero_point) · scale.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/tensor/data_type.h"

namespace quant {

struct QuantParams {
  DataType type = DataType::kUint8;
  // One value for the whole tensor, or one per index along `axis`. Never empty, never 0: an unknown
  // scale is the absence of QuantParams. Computed in double, rounded once to float32.
  std::vector<float> scale;
  // As many as scales. Integers inside the network; the input edge may have fractions
  // (the mean of a folded normalization). Symmetric types (weights) have 0.
  std::vector<float> zero_point;
  int axis = 0;  // used only where there is more than one scale
  // The real range that the calibration chose, ends included (zero always lies inside).
  float range_min = 0;
  float range_max = 0;

  bool per_channel() const { return scale.size() > 1; }
  // One scale and an integer zero point. Where the input of a layer with weights is not so (a frame
  // with its normalization inside), the weights' scales include the input's, and the kernel
  // subtracts rounded zero points.
  bool is_plain() const;
  bool operator==(const QuantParams&) const = default;
};

// int8 as uint8 and int16 as uint16: the integers and their zero points grow by half the range, the
// real values stay. Other types as they are.
QuantParams unsigned_form(QuantParams params);

}  // namespace quant
