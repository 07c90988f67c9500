// SPDX-License-Identifier: MIT
// The rung "device": a model on an accelerator, one frame at a time.
#pragma once

#include <memory>

#include "quant/backend/context.h"
#include "quant/backend/device_runner.h"

namespace quant {

// Raw outputs become real values with the device's parameters, the archive's where nobody else
// knows them, then what the model keeps on the host follows. A frame that the device does not
// answer is an error that names it. `threads` are those of the host's part.
Result<std::unique_ptr<Context>> make_device_context(std::shared_ptr<const Model> model,
                                                     std::unique_ptr<DeviceRunner> runner,
                                                     int threads);

}  // namespace quant
