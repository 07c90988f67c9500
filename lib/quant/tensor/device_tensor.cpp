// SPDX-License-Identifier: MIT
#include "quant/tensor/device_tensor.h"

#include <fmt/format.h>

namespace quant {

Status check_device_tensor(const DeviceTensor& tensor) {
  const DeviceLayout& layout = tensor.layout;
  QUANT_TRY(check_layout(layout));
  if (tensor.memory.type() != layout.type ||
      tensor.memory.elements() < padded_element_count(layout)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {} in memory, {} takes {}", tensor.memory.elements(),
                            to_string(tensor.memory.type()), to_string(layout),
                            padded_element_count(layout)));
  }
  return {};
}

}  // namespace quant
