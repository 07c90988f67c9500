// SPDX-License-Identifier: MIT
// gst-quant check: the immediate suspects, before anybody spends hours on quantization.
#include <fmt/format.h>

#include "command.h"
#include "progress_bar.h"
#include "quant/analyze/suspects_check.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string calib;
  std::string data;
  ModelOptions read;
  std::string resize = "stretch";
  std::int64_t most_frames = 128;
  int threads = 1;
  bool json = false;
};

Result<SuspectModel> read_model(const ModelFile& file) {
  QUANT_TRY_ASSIGN(Graph graph, file.native_graph());
  return make_suspect_model(std::move(graph), file.input());
}

Result<SuspectsReport> check(const Options& options) {
  QUANT_TRY_ASSIGN(const ModelFile file, ModelFile::open(options.model, options.read));
  QUANT_TRY(file.require_image());
  SuspectsTask task;
  QUANT_TRY_ASSIGN(task.model, read_model(file));
  task.calibration = options.calib;
  task.data = options.data;
  task.frames.resize = *resize_mode_from_string(options.resize);
  task.most_run = options.most_frames;
  task.threads = options.threads;
  if (file.archive()) task.record = file.archive()->archive().calibration;
  task.make_context = [&](ContextKind kind, ReferenceKind reference) {
    return file.make_context(kind, reference, options.threads);
  };
  ProgressBar bar;
  task.progress = [&](std::string_view label, std::int64_t done, std::int64_t total) {
    bar.start(label);
    bar.update(done, total);
    return true;
  };
  return check_suspects(task);
}

Status run(const Options& options) {
  auto report = check(options);
  if (!report)
    return fail(report.error().code, "the check itself failed: " + report.error().text());
  if (options.json) {
    nlohmann::ordered_json json = {{"model", options.model}};
    json.update(to_json(*report));
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}", to_text(*report));
  }
  const std::int64_t errors = count(report->findings, Severity::kError);
  if (errors == 0) return {};
  return fail(ErrorCode::kInvalidData,
              fmt::format("the check found {} error{}", errors, errors == 1 ? "" : "s"),
              options.model);
}

}  // namespace

void add_check(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check",
      "Looks for the immediate suspects before quantization: importer, normalization, calibration "
      "set, unbalanced layers, dead and merged outputs");
  command->add_option("model", options->model, "ONNX file, or archive (.qar)")->required();
  command->add_option("--calib", options->calib,
                      "Calibration frames: folder of images, image, .npy or video");
  command->add_option("--data", options->data,
                      "Frames that the calibration set shall stand for, likewise");
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command
      ->add_option("--frames", options->most_frames,
                   "Run the network on at most so many frames of a set, from all over it (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Exit code 1 where there is an error among the findings, or the check itself failed (the "
      "last "
      "line says which).\n"
      "Example:\n  gst-quant check face.onnx --calib photos/ --data other-photos/ --mean 127 --std "
      "128");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
