// SPDX-License-Identifier: MIT
// gst-quant export: a quantized model for other programs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "command.h"
#include "quant/archive/archive.h"
#include "quant/base/atomic_file.h"
#include "quant/onnx/qdq_writer.h"

namespace quant::tool {
namespace {

struct Options {
  std::string archive;
  std::string format = "qdq";
  std::string output;
  std::optional<int> opset;
  bool exact = false;
  bool json = false;
};

Status write_file(const std::string& path, std::span<const std::byte> bytes) {
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  QUANT_TRY(file.write(bytes));
  return file.commit();
}

Status run(const Options& options) {
  QUANT_TRY_ASSIGN(const bool is_quantized, is_archive(options.archive));
  if (!is_quantized) {
    return fail(ErrorCode::kInvalidArgument,
                "is no archive; quantize the model first (gst-quant optimize)", options.archive);
  }
  QUANT_TRY_ASSIGN(const Archive archive, read_archive(options.archive));
  QdqOptions qdq;
  qdq.opset = options.opset;
  qdq.exact = options.exact;
  qdq.metadata = {{"calibration_method", archive.calibration.method},
                  {"calibration_images", std::to_string(archive.calibration.images)}};
  const auto model = write_qdq(archive.model, qdq);
  if (!model) {
    // The error names the layer; a user with several archives wants the file too.
    return fail(model.error().code, model.error().text(), options.archive);
  }
  QUANT_TRY(write_file(options.output, model->onnx));
  const nlohmann::ordered_json report = {{"output", options.output}, {"format", options.format},
                                         {"exact", options.exact},   {"opset", model->opset},
                                         {"nodes", model->nodes},    {"bytes", model->onnx.size()}};
  if (options.json) {
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print("{}: opset {}, {} nodes, {} bytes\n", options.output, model->opset, model->nodes,
               model->onnx.size());
  }
  return {};
}

}  // namespace

void add_export(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "export", "Writes a quantized model as ONNX with QuantizeLinear and DequantizeLinear");
  command->add_option("model", options->archive, "Archive (.qar)")->required();
  command->add_option("--format", options->format, "What to write")
      ->check(CLI::IsMember({"qdq"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "ONNX file to write")->required();
  command->add_option("--opset", options->opset,
                      "13 to 21; the oldest that can say everything, where it is not given");
  command->add_flag("--exact", options->exact,
                    "Integer sums and the emulator's own multipliers: its bits in any runtime, but "
                    "nothing that a compiler would fuse");
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer("Example:\n  gst-quant export face.qar --format qdq --output face_qdq.onnx");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
