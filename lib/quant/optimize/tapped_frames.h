// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "quant/graph/graph.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/step_progress.h"

namespace quant {

// Runs `graph` (fp-optimized) on every frame of `set`, from the first on, and shows `visit` the
// values of `taps` after each. `progress` counts frames. Gives how many there were; none is an
// error, as is whatever executor or set report.
Result<std::int64_t> visit_tapped_frames(const Graph& graph, CalibrationSet& set,
                                         std::span<const ValueId> taps, int threads,
                                         const StepProgress& progress,
                                         const std::function<void(std::span<const Tensor>)>& visit);

}  // namespace quant
