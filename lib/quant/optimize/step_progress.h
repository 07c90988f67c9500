// SPDX-License-Identifier: MIT
// How far a step of the optimization is, and whether somebody wants it to go on.
#pragma once

#include <cstdint>
#include <functional>

#include "quant/base/result.h"

namespace quant {

// Called whenever something is done, with how much there is (0 where unknown). False ends the step
// with the error of report().
using StepProgress = std::function<bool(std::int64_t done, std::int64_t total)>;

inline tl::unexpected<Error> fail_stopped() {
  return fail(ErrorCode::kInvalidArgument, "the work was stopped");
}

// Passes it on, if there is one. InvalidArgument where it says that the work shall end.
inline Status report(const StepProgress& progress, std::int64_t done, std::int64_t total) {
  if (!progress || progress(done, total)) return {};
  return fail_stopped();
}

}  // namespace quant
