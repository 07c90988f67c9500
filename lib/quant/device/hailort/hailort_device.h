// SPDX-License-Identifier: MIT
// A network on a Hailo device, through the asynchronous InferModel API (the only one that every
// product line has).
#pragma once

#include <hailo/hailort.hpp>
#include <memory>

#include "quant/device/device.h"
#include "quant/device/hailort/hailort_status.h"

namespace quant::hailort {

// Configures the network of options.model_path on `vdevice`, which other networks may share.
DeviceResult<std::unique_ptr<Device>> configure_device(std::shared_ptr<::hailort::VDevice> vdevice,
                                                       const DeviceOptions& options, Place place);

// The error of a call that answered `status`.
DeviceError error_of(hailo_status status, std::string_view doing, const Place& place);

}  // namespace quant::hailort
