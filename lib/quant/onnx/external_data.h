// SPDX-License-Identifier: MIT
// Weights that lie in files of their own beside the model.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// The bytes that proto.external_data() points to. The location must be a relative path that stays
// below `directory`, also through symbolic links; offset and length must lie inside the file and be
// exactly `expected_bytes` long (a missing length means: to the end of the file). Errors name no
// tensor.
Result<std::vector<std::byte>> read_external_data(const onnx::TensorProto& proto,
                                                  const std::filesystem::path& directory,
                                                  std::uint64_t expected_bytes);

}  // namespace quant
