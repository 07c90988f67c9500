// SPDX-License-Identifier: MIT
// Fine-tuning itself, in the library that is linked with libtorch.
#pragma once

#include "quant/optimize/finetune.h"

namespace quant::tuning {

// As quant::finetune() says, but for its Unavailable.
Result<std::optional<FinetuneResult>> finetune(const QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const FinetuneOptions& options,
                                               const FinetuneProgress& progress);

}  // namespace quant::tuning
