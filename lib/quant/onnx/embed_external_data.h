// SPDX-License-Identifier: MIT
// A model whose weights lie in files beside it, as one file.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <filesystem>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// Reads every weight that lies in another file below `directory` into `graph`: initializers and
// constants, in subgraphs too. Errors name the tensor.
Status embed_external_data(onnx::GraphProto& graph, const std::filesystem::path& directory);

// The same for a whole model file with its local functions; one without external data comes back as
// it is, bit for bit.
Result<std::vector<std::byte>> embed_external_data(std::vector<std::byte> model,
                                                   const std::filesystem::path& directory);

}  // namespace quant
