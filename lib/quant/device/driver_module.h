// SPDX-License-Identifier: MIT
// What the library with a vendor's driver exports. It is loaded when somebody wants that device, so
// that neither the plugin nor the command needs the vendor's run time.
#pragma once

#include "quant/device/device.h"

namespace quant {

struct DriverModule {
  // That of whoever loads it has to be the same: the two share types.
  const char* version;
  // The same driver at every call, which lives as long as the process. An error where it refuses to
  // work at all, as with a vendor's library that is not the one it was built for: the message names
  // both versions.
  DeviceResult<DeviceDriver*> (*driver)();
};

inline constexpr const char* kDriverModuleSymbol = "gst_quant_driver_module";
// The function of that name, extern "C". Never null, lives as long as the library.
using DriverModuleFunction = const DriverModule* (*)();

// The driver in libgstquant-<vendor>.so ("hailort"), which load_module finds. Unavailable where
// there is none; what DriverModule::driver says where it refuses. Thread-safe; the first call
// loads.
Result<DeviceDriver*> load_driver(const char* vendor);

}  // namespace quant
