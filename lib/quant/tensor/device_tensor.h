// SPDX-License-Identifier: MIT
// A tensor as an accelerator left it in memory.
#pragma once

#include "quant/tensor/device_layout.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Copies share the elements.
struct DeviceTensor {
  DeviceLayout layout;
  // Of layout.type, at least padded_element_count(layout) elements, in one dimension.
  Tensor memory;
};

// check_layout, and InvalidArgument where the memory is of another type or too small.
Status check_device_tensor(const DeviceTensor& tensor);

}  // namespace quant
