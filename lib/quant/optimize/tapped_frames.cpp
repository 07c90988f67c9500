// SPDX-License-Identifier: MIT
#include "quant/optimize/tapped_frames.h"

#include <memory>
#include <vector>

#include "quant/engine/float_executor.h"

namespace quant {

Result<std::int64_t> visit_tapped_frames(
    const Graph& graph, CalibrationSet& set, std::span<const ValueId> taps, int threads,
    const StepProgress& progress, const std::function<void(std::span<const Tensor>)>& visit) {
  QUANT_TRY_ASSIGN(FloatExecutor executor,
                   FloatExecutor::create(std::make_shared<const Graph>(graph), threads));
  QUANT_TRY(set.rewind());
  std::int64_t frames = 0;
  std::vector<Tensor> tapped;
  for (;;) {
    QUANT_TRY_ASSIGN(const auto frame, set.next());
    if (!frame) break;
    QUANT_TRY(executor.run_with_taps(*frame, taps, tapped));
    visit(tapped);
    QUANT_TRY(report(progress, ++frames, set.count().value_or(0)));
  }
  if (frames == 0) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
  return frames;
}

}  // namespace quant
