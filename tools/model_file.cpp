// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "command.h"
#include "quant/base/read_file.h"
#include "quant/onnx/cut_graph.h"
#include "quant/onnx/embed_external_data.h"
#include "quant/optimize/optimizer.h"
#include "quant/script/parser.h"
#include "quant/tensor/shape_text.h"

namespace quant::tool {
namespace {

// Adds "name=1x3x320x320" to `shapes`; throws CLI::ValidationError, which is wrong usage.
void parse_input_shape(const std::string& text, std::map<std::string, Shape>& shapes) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos)
    throw CLI::ValidationError("--input-shape", "takes name=1x3x320x320, got " + text);
  std::optional<Shape> shape = shape_from_string(std::string_view(text).substr(equals + 1));
  if (!shape) {
    throw CLI::ValidationError(
        "--input-shape",
        "a shape is positive sizes joined by x, as 1x3x320x320, got " + text.substr(equals + 1));
  }
  shapes[text.substr(0, equals)] = std::move(*shape);
}

}  // namespace

void ModelOptions::add_shape_to(CLI::App& command) {
  command.add_option_function<std::vector<std::string>>(
      "--input-shape",
      [this](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) parse_input_shape(text, input_shapes);
      },
      "Fixes open sizes of an input, as name=1x3x320x320");
  command.add_option("--end-node", end_nodes,
                     "Cuts the graph: these ONNX nodes or tensors become the outputs");
}

void ModelOptions::add_to(CLI::App& command) {
  add_shape_to(command);
  command.add_option("--start-node", start_nodes,
                     "Cuts the graph at its beginning: these ONNX nodes or tensors become the "
                     "inputs, and the frames are .npy files of them");
  command.add_option("--color", color, "Colour order that the model was trained with")
      ->check(CLI::IsMember({"rgb", "bgr", "gray"}))
      ->capture_default_str();
  command
      .add_option("--mean", mean,
                  "Mean of the normalization in pixel units (0…255): one value, or one per channel")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--std", std, "Standard deviation likewise: input = (pixel - mean) / std")
      ->delimiter(',')
      ->capture_default_str();
}

OnnxReadOptions ModelOptions::read_options(const std::filesystem::path& model) const {
  OnnxReadOptions options;
  options.input_shapes = input_shapes;
  options.end_nodes = end_nodes;
  options.external_data_dir =
      model.parent_path().empty() ? std::filesystem::path(".") : model.parent_path();
  return options;
}

Result<std::vector<std::byte>> ModelOptions::read_model(const std::string& path,
                                                        OnnxReadOptions& read) const {
  QUANT_TRY_ASSIGN(std::vector<std::byte> onnx, read_file(path, kMaxModelBytes));
  auto whole = embed_external_data(std::move(onnx), read.external_data_dir);
  if (whole) whole = cut_at_start(std::move(*whole), start_nodes, read);
  if (!whole) return fail_with_context(std::move(whole).error(), path);
  return whole;
}

Result<ModelFile> ModelFile::open(const std::string& path, const ModelOptions& options) {
  ModelFile file;
  file.path_ = path;
  QUANT_TRY_ASSIGN(const bool archive, is_archive(path));
  if (archive) {
    QUANT_TRY_ASSIGN(file.archive_, Model::open(path));
    file.input_ = file.archive_->input();
    return file;
  }
  file.read_ = options.read_options(path);
  QUANT_TRY_ASSIGN(file.onnx_, options.read_model(path, file.read_));
  auto graph = read_onnx(file.onnx_, file.read_);
  if (!graph) return fail_with_context(std::move(graph).error(), path);
  auto input =
      describe_input(*graph, *color_order_from_string(options.color), options.mean, options.std);
  if (!input) return fail_with_context(std::move(input).error(), path);
  file.input_ = std::move(*input);
  return file;
}

Result<Graph> ModelFile::native_graph() const {
  if (!archive_) return read_onnx(onnx_, read_);
  const Archive& archive = archive_->archive();
  OnnxReadOptions read;
  read.input_shapes = archive.input_shapes;
  read.end_nodes = archive.end_nodes;
  return read_onnx(archive.original_onnx, read);
}

Status ModelFile::require_image() const {
  if (input_.is_image()) return {};
  return fail(ErrorCode::kUnsupported,
              "the model takes features; this command looks at models of images", path_);
}

Result<std::unique_ptr<Context>> ModelFile::make_context(ContextKind kind, ReferenceKind reference,
                                                         int threads) const {
  if (archive_) return quant::make_context(archive_, kind, reference, threads);
  return quant::make_context(
      ReferenceModel{onnx_, read_.input_shapes, read_.end_nodes, read_.external_data_dir}, kind,
      reference, threads);
}

Result<bool> is_archive(const std::string& path) {
  // Of a POSIX tar header; no ONNX file has it there.
  constexpr std::size_t kMagicOffset = 257;
  constexpr std::string_view kMagic = "ustar";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return fail(ErrorCode::kNotFound, "there is no such file", path);
  if (std::filesystem::path(path).extension() == ".qar") return true;
  std::ifstream file(path, std::ios::binary);
  file.seekg(kMagicOffset);
  std::string found(kMagic.size(), '\0');
  file.read(found.data(), static_cast<std::streamsize>(found.size()));
  return file.good() && found == kMagic;
}

Result<ScriptSource> read_script(const std::string& path) {
  QUANT_TRY_ASSIGN(const auto bytes, read_file(path, kMaxScriptBytes));
  const auto* const text = reinterpret_cast<const char*>(bytes.data());
  return ScriptSource{path, std::string(text, bytes.size())};
}

}  // namespace quant::tool
