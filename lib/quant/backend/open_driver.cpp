// SPDX-License-Identifier: MIT
#include "quant/backend/open_driver.h"

#include <utility>

#include "quant/backend/emulated_network.h"
#include "quant/device/driver_module.h"

namespace quant {

Result<std::shared_ptr<DeviceDriver>> open_driver(std::string_view backend,
                                                  const std::string& device_model,
                                                  std::shared_ptr<const Model> model, int threads) {
  if (backend == kFakeBackend) {
    QUANT_TRY_ASSIGN(const FakeOptions options, parse_fake_options(device_model));
    return make_fake_driver(options, [model = std::move(model), threads] {
      return make_emulated_network(*model, threads);
    });
  }
  QUANT_TRY_ASSIGN(DeviceDriver * driver, load_driver(std::string(backend).c_str()));
  // A module's driver lives as long as the process.
  return std::shared_ptr<DeviceDriver>(driver, [](DeviceDriver*) {});
}

}  // namespace quant
