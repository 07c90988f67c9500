// SPDX-License-Identifier: MIT
// What the network makes of its frames if they are fed wrongly: another colour order, no
// normalization or two, another way to resize.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/analyze/diagnosis_search.h"
#include "quant/analyze/diagnosis_subject.h"
#include "quant/backend/context.h"
#include "quant/vision/frame_source.h"

namespace quant {

struct InputTask {
  std::filesystem::path images;  // the frames of the tensors, in their order
  InputSpec spec;
  FrameOptions frames;  // as the reference was made
  std::vector<ContextKind> contexts;
  std::function<Result<std::unique_ptr<Context>>(ContextKind)> make_context;
};

struct InputVariants {
  std::vector<InputVariant> variants;
  // Why there are none: the model takes no images, or does not make the reference of these.
  std::string untested;
};

// Runs the contexts on each wrong input; first on the right one, to see which of them the reference
// agrees with. Errors: frames that cannot be read, a context that fails.
Result<InputVariants> make_input_variants(const InputTask& task,
                                          std::span<const DiagnosisSubject> subjects);

}  // namespace quant
