// SPDX-License-Identifier: MIT
// The rung "device" from files: what somebody recorded elsewhere, frame by frame.
#pragma once

#include <filesystem>
#include <memory>

#include "quant/analyze/diagnosis_files.h"
#include "quant/backend/context.h"

namespace quant {

// `folder` holds a tensor per output of the model, by name, as read_tensors reads them, with as
// many elements for each frame as the output has, in its order: real values (float32). Or one per
// raw output: integers, with their parameters in raw.json beside them, else the archive's. Frame i
// of the files answers frame i of the comparison; past the last one run() fails. NotFound naming
// the output that is absent, InvalidData where a file holds no whole number of frames.
Result<std::unique_ptr<Context>> make_recorded_context(std::shared_ptr<const Model> model,
                                                       const std::filesystem::path& folder,
                                                       const RawFormats& formats, int threads);

}  // namespace quant
