// SPDX-License-Identifier: MIT
#include "quant/onnx/model_proto.h"

#include <google/protobuf/io/coded_stream.h>

#include <limits>

namespace quant {

Result<onnx::ModelProto> parse_model(std::span<const std::byte> bytes) {
  // Protobuf counts in int.
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(ErrorCode::kOutOfRange,
                "the model is larger than 2 GiB; save its weights as external data");
  }
  onnx::ModelProto model;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage() ||
      !model.has_graph()) {
    return fail(ErrorCode::kInvalidData, "this is no ONNX model, or it is truncated or damaged");
  }
  return model;
}

}  // namespace quant
