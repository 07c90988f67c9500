// SPDX-License-Identifier: MIT
#include "quant/onnx/onnx_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <exception>
#include <limits>

#include "quant/base/read_file.h"
#include "quant/onnx/model_converter.h"

namespace quant {
namespace {

// Protobuf counts in int.
constexpr std::uintmax_t kMaxModelBytes = std::numeric_limits<int>::max();

Status parse(std::span<const std::byte> bytes, onnx::ModelProto& model) {
  if (bytes.size() > kMaxModelBytes) {
    return fail(ErrorCode::kOutOfRange,
                "the model is larger than 2 GiB; save its weights as external data");
  }
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage() ||
      !model.has_graph()) {
    return fail(ErrorCode::kInvalidData, "this is no ONNX model, or it is truncated or damaged");
  }
  return {};
}

}  // namespace

Result<Graph> read_onnx(std::span<const std::byte> model, const OnnxReadOptions& options) {
  // Protobuf and the filesystem library report some failures by exceptions.
  try {
    onnx::ModelProto proto;
    QUANT_TRY(parse(model, proto));
    return convert_model(proto, options);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kOutOfRange, "the model does not fit into memory");
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, error.what());
  }
}

Result<Graph> read_onnx_file(const std::filesystem::path& path, const OnnxReadOptions& options) {
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxModelBytes));
  OnnxReadOptions with_directory = options;
  if (options.external_data_dir.empty()) {
    with_directory.external_data_dir = path.has_parent_path() ? path.parent_path() : ".";
  }
  auto graph = read_onnx(bytes, with_directory);
  if (!graph) return fail_with_context(std::move(graph).error(), path.string());
  graph->name = path.stem().string();
  return graph;
}

}  // namespace quant
