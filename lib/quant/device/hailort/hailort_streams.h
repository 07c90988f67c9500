// SPDX-License-Identifier: MIT
// HailoRT's description of inputs and outputs as this project's.
#pragma once

#include <hailo/hailort.hpp>
#include <vector>

#include "quant/device/device.h"

namespace quant::hailort {

// HailoRT hands over dense frames, whatever lies on the chip. kUnsupported naming a stream whose
// format has no layout here, or whose size is not that of its shape.
DeviceResult<std::vector<DeviceStream>> describe_streams(
    const std::vector<::hailort::InferModel::InferStream>& streams);

}  // namespace quant::hailort
