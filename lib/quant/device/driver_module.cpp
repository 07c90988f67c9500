// SPDX-License-Identifier: MIT
#include "quant/device/driver_module.h"

#include <fmt/format.h>

#include <string>

#include "quant/base/module.h"

namespace quant {

Result<DeviceDriver*> load_driver(const char* vendor) {
  const std::string file = fmt::format("libgstquant-{}.so", vendor);
  const auto address = load_module(file.c_str(), kDriverModuleSymbol);
  if (!address) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("there is no driver for {}: {}; this project builds it where the "
                            "vendor's headers are installed",
                            vendor, address.error().message));
  }
  const DriverModule* module = reinterpret_cast<DriverModuleFunction>(*address)();
  QUANT_TRY(check_module_version(file.c_str(), module->version));
  DeviceResult<DeviceDriver*> driver = module->driver();
  if (!driver) return tl::unexpected(to_error(std::move(driver).error(), vendor));
  return *driver;
}

}  // namespace quant
