// SPDX-License-Identifier: MIT
// The bytes of an ONNX file as messages.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <span>

#include "quant/base/result.h"

namespace quant {

// InvalidData where the bytes are no ONNX model or only a part of one, OutOfRange beyond protobuf's
// 2 GiB.
Result<onnx::ModelProto> parse_model(std::span<const std::byte> bytes);

}  // namespace quant
