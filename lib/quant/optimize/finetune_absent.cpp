// SPDX-License-Identifier: MIT
// Fine-tuning in a build without libtorch.
#include "quant/optimize/finetune.h"

namespace quant {

bool can_finetune() { return false; }

Result<FinetuneResult> finetune(const QuantizedModel&, std::shared_ptr<const Graph>,
                                const std::vector<Range>&, const QuantizationPlan&, CalibrationSet&,
                                const FinetuneOptions&, const FinetuneProgress&) {
  return fail(ErrorCode::kUnavailable,
              "this build cannot fine-tune: it was made without libtorch (package libtorch-dev)");
}

}  // namespace quant
