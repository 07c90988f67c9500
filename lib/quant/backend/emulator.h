// SPDX-License-Identifier: MIT
// The integer graph on the CPU behind the Backend interface.
#pragma once

#include <memory>

#include "quant/backend/backend.h"
#include "quant/engine/integer_plan.h"

namespace quant {

// Input: one uint8 tensor (1, H, W, C), the frame's own pixels. Outputs: the raw tensors. Sessions
// share `plan`.
std::unique_ptr<Backend> make_emulator(std::shared_ptr<const IntegerPlan> plan, int threads);

}  // namespace quant
