// SPDX-License-Identifier: MIT
// gst-quant inspect: what is inside a model file.
#include <fmt/format.h>

#include "command.h"
#include "quant/analyze/inspection.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  ModelOptions read;
  bool json = false;
};

Status run(const Options& options) {
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
  fmt::print("{}", options.json ? report.dump(2) + "\n" : inspection_text(report));
  return {};
}

}  // namespace

void add_inspect(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("inspect",
                                         "Shows the layers of a model, their quantization "
                                         "parameters and kernels, and where the host takes over");
  command->add_option("model", options->model, "Archive (.qar) or ONNX file")->required();
  options->read.add_shape_to(*command);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer("Example:\n  gst-quant inspect face.qar");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
