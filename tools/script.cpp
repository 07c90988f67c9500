// SPDX-License-Identifier: MIT
// gst-quant script check: whether a model script is right, and what it comes to for a model.
#include <fmt/format.h>

#include <filesystem>

#include "command.h"
#include "quant/onnx/layer_names.h"
#include "quant/optimize/optimizer.h"
#include "quant/passes/optimize_float.h"
#include "quant/script/parser.h"
#include "quant/script/script_report.h"

namespace quant::tool {
namespace {

struct Options {
  std::string script;
  std::string model;
  std::string scope;
  ModelOptions read;
  bool json = false;
};

// The layers that are quantized. A model whose input is neither an image nor features cannot be
// optimized: then it is those of the graph as read.
Result<Graph> quantized_graph(const Options& options) {
  QUANT_TRY_ASSIGN(const bool archive, is_archive(options.model));
  if (archive) {
    QUANT_TRY_ASSIGN(const auto model, Model::open(options.model));
    return model->integer_graph();
  }
  const OnnxReadOptions read = options.read.read_options(options.model);
  QUANT_TRY_ASSIGN(Graph graph, read_onnx_file(options.model, read));
  const auto input = describe_input(graph, ColorOrder::kRgb, options.read.mean, options.read.std);
  if (!input) return graph;
  return optimize_float(std::move(graph), *input);
}

Result<std::vector<Layer>> read_layers(const Options& options) {
  QUANT_TRY_ASSIGN(const Graph graph, quantized_graph(options));
  const std::string scope =
      options.scope.empty() ? std::filesystem::path(options.model).stem().string() : options.scope;
  return layers_of(graph, input_layer_names(graph), output_layer_names(graph), scope);
}

Status check(const Options& options) {
  QUANT_TRY_ASSIGN(ScriptSource source, read_script(options.script));
  ScriptReading reading = read_model_script(std::move(source));
  std::vector<Diagnostic> errors = std::move(reading.errors);
  Resolution resolution;
  if (!options.model.empty()) {
    QUANT_TRY_ASSIGN(const auto layers, read_layers(options));
    resolution = resolve_as_far_as_possible(reading.script, layers);
    errors.insert(errors.end(), resolution.errors.begin(), resolution.errors.end());
  }
  auto report = script_report(reading.script, errors);
  if (!options.model.empty() && errors.empty()) add_layers(report, resolution.layers);
  fmt::print("{}", options.json ? report.dump(2) + "\n" : script_report_text(report));
  if (errors.empty()) return {};
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", render(reading.script.source, errors));
  return fail(ErrorCode::kInvalidData,
              fmt::format("{} error{}", errors.size(), errors.size() == 1 ? "" : "s"),
              options.script);
}

}  // namespace

void add_script(CLI::App& app, Status& status) {
  CLI::App* script =
      app.add_subcommand("script", "Model scripts: settings of the optimizer in a file");
  script->require_subcommand(1);
  auto options = std::make_shared<Options>();
  CLI::App* command = script->add_subcommand(
      "check",
      "Checks a script's syntax and commands, lists those without effect here and, with a model, "
      "shows what it comes to for every layer");
  command->add_option("script", options->script, "Model script (.alls)")->required();
  command->add_option("model", options->model, "ONNX file or archive (.qar)");
  command->add_option("--scope", options->scope,
                      "The network's name in selectors, as net in net/conv1 (default: the model's "
                      "file name)");
  options->read.add_shape_to(*command);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Examples:\n"
      "  gst-quant script check face.alls\n"
      "  gst-quant script check face.alls face.onnx\n"
      "  gst-quant script check face.alls face.onnx --scope face_v2 --json\n"
      "Exit code: 0 the script is right, 1 it is not or a file cannot be read, 2 wrong usage.");
  script->footer(command->get_footer());
  command->callback([options, &status] { status = check(*options); });
}

}  // namespace quant::tool
