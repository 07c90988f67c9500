// SPDX-License-Identifier: MIT
// gst-quant inspect: what is inside a model file.
#include <fmt/format.h>

#include "command.h"
#include "quant/analyze/hef_inspection.h"
#include "quant/analyze/inspection.h"
#include "quant/hef/hef_reader.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  ModelOptions read;
  bool json = false;
};

void print(const nlohmann::ordered_json& report, const std::string& text, bool json) {
  fmt::print("{}", json ? report.dump(2) + "\n" : text);
}

Status run(const Options& options) {
  QUANT_TRY_ASSIGN(const bool hef, is_hef_file(options.model));
  if (hef) {
    QUANT_TRY_ASSIGN(const HefFile file, read_hef_file(options.model));
    const auto report = inspect_hef(file, options.model);
    print(report, hef_inspection_text(report), options.json);
    return {};
  }
  QUANT_TRY_ASSIGN(const bool archive, is_archive(options.model));
  nlohmann::ordered_json report;
  if (archive) {
    QUANT_TRY_ASSIGN(const auto model, Model::open(options.model));
    QUANT_TRY_ASSIGN(report, inspect_model(*model));
  } else {
    const OnnxReadOptions read = options.read.read_options(options.model);
    QUANT_TRY_ASSIGN(const Graph graph, read_onnx_file(options.model, read));
    report = inspect_graph(graph);
  }
  print(report, inspection_text(report), options.json);
  return {};
}

}  // namespace

void add_inspect(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect",
                         "Shows the layers of a model, their quantization "
                         "parameters and kernels, and where the host takes over; of a "
                         "HEF, the streams of the device");
  command->add_option("model", options->model, "Archive (.qar), ONNX file, or HEF")->required();
  options->read.add_shape_to(*command);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer("Example:\n  gst-quant inspect face.qar");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
