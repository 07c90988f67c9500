// SPDX-License-Identifier: MIT
// Drivers by name, as elements and the command line know them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "quant/backend/model.h"
#include "quant/base/result.h"
#include "quant/device/device.h"

namespace quant {

inline constexpr std::string_view kFakeBackend = "fake";
inline constexpr std::string_view kHailortBackend = "hailort";

// "hailort": the vendor's module, as load_driver says. "fake": a device that is not there, whose
// options `device_model` is (docs/device.md); it computes `model` on the emulator with `threads`.
Result<std::shared_ptr<DeviceDriver>> open_driver(std::string_view backend,
                                                  const std::string& device_model,
                                                  std::shared_ptr<const Model> model, int threads);

}  // namespace quant
