// SPDX-License-Identifier: MIT
// From quantinfer's properties to a model on a device.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "quant/backend/device_runner.h"
#include "quantinfer/infer_settings.h"

namespace quant::element {

// What is to run the network: a device, or the emulator where `runner` is empty.
struct OpenedDevice {
  std::unique_ptr<DeviceRunner> runner;
  // With backend=auto, why it is the emulator.
  std::string reason;
  // The same as a warning, where somebody who set the properties so expected a device.
  std::optional<FaultError> warning;
};

// An error only where a device was asked for by name; NotFound where device-model is missing.
tl::expected<OpenedDevice, FaultError> open_device(const InferSettings& settings,
                                                   const std::shared_ptr<const Model>& model);

}  // namespace quant::element
