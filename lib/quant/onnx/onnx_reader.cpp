// SPDX-License-Identifier: MIT
#include "quant/onnx/onnx_reader.h"

#include <onnx/onnx_pb.h>

#include <exception>
#include <limits>

#include "quant/base/read_file.h"
#include "quant/base/text_check.h"
#include "quant/onnx/model_converter.h"
#include "quant/onnx/model_proto.h"

namespace quant {
namespace {

// Protobuf counts in int.
constexpr std::uintmax_t kMaxModelBytes = std::numeric_limits<int>::max();

}  // namespace

Result<Graph> read_onnx(std::span<const std::byte> model, const OnnxReadOptions& options) {
  // Protobuf and the filesystem library report some failures by exceptions.
  try {
    QUANT_TRY_ASSIGN(const onnx::ModelProto proto, parse_model(model));
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
  // A file's name may be any bytes; a graph's is text.
  if (std::string stem = path.stem().string(); is_printable(stem)) graph->name = std::move(stem);
  return graph;
}

}  // namespace quant
