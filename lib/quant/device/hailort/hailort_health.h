// SPDX-License-Identifier: MIT
// Who a device is and how it feels, through HailoRT's C functions: they have kept their signatures
// over all releases, where the C++ class Device has not kept its layout.
#pragma once

#include <cstddef>
#include <string>

#include "quant/device/device.h"

namespace quant::hailort {

// Of the library that is loaded, "4.23.0"; empty where it does not say.
std::string library_version();
// Name and version of the kernel module, "hailo_pci 4.23.0"; empty where none is loaded.
std::string driver_version();
// Devices that the driver sees; their ids go to no one. 0 also where there is no driver.
std::size_t count_devices();

// A handle beside the one that runs inference; opened where it is first needed. Thread-safe.
class HealthMonitor {
 public:
  explicit HealthMonitor(std::string device_id);
  ~HealthMonitor();
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  // Architecture and firmware go to `info`, where the device says them.
  void identify(DeviceInfo& info);
  // What a board cannot measure stays absent; fails where the device does not answer at all.
  DeviceResult<DeviceHealth> read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quant::hailort
