// SPDX-License-Identifier: MIT
// gst-quant check: the immediate suspects, before anybody spends hours on quantization.
#include <fmt/format.h>

#include <algorithm>

#include "command.h"
#include "progress_bar.h"
#include "quant/analyze/suspects.h"
#include "quant/analyze/suspects_report.h"
#include "quant/base/read_file.h"
#include "quant/passes/lift_quantization.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {
namespace {

// Frames that an independent runtime and the normalization check look at.
constexpr std::size_t kFewFrames = 4;

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

// A folder of frames, looked at once.
struct Survey {
  FrameSurvey frames;
  ActivationSurvey activations;
  std::vector<Frame> few;
};

Result<SuspectModel> read_model(const Options& options, const ModelFile& file) {
  if (file.archive()) {
    const Archive& archive = file.archive()->archive();
    OnnxReadOptions read;
    read.input_shapes = archive.input_shapes;
    read.end_nodes = archive.end_nodes;
    QUANT_TRY_ASSIGN(Graph graph, read_onnx(archive.original_onnx, read));
    return make_suspect_model(std::move(graph), file.input());
  }
  QUANT_TRY_ASSIGN(const std::vector<std::byte> onnx, read_file(options.model, kMaxModelBytes));
  QUANT_TRY_ASSIGN(Graph graph, read_onnx(onnx, options.read.read_options(options.model)));
  return make_suspect_model(std::move(graph), file.input());
}

Result<Survey> survey(const std::string& path, const SuspectModel& model, const Options& options,
                      const Survey* limits) {
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source, FrameSource::open(path, model.input, frame_options));
  QUANT_TRY_ASSIGN(
      ActivationSurvey activations,
      ActivationSurvey::create(model.optimized, domain_tensors(*model.optimized), options.threads,
                               limits == nullptr ? nullptr : &limits->activations));
  Survey result{FrameSurvey(model.input), std::move(activations), {}};
  // The network runs on frames from all over the set, so that a sorted folder or a long video is
  // not judged by its beginning.
  const std::int64_t total = source.count().value_or(0);
  const std::int64_t step =
      options.most_frames > 0 ? (total + options.most_frames - 1) / options.most_frames : 1;
  ProgressBar bar(limits == nullptr ? "looking at the set" : "looking at the test set");
  while (true) {
    QUANT_TRY_ASSIGN(std::optional<Frame> frame, source.next());
    if (!frame) break;
    QUANT_TRY_ASSIGN(const Tensor pixels, pixels_of(*frame, model.input));
    result.frames.add(*frame, pixels);
    const bool room = options.most_frames == 0 || result.activations.frames() < options.most_frames;
    if (room && (step <= 1 || frame->index % step == 0)) {
      QUANT_TRY(result.activations.add(pixels));
      if (result.few.size() < kFewFrames) result.few.push_back(std::move(*frame));
    }
    bar.update(source.summary().frames, total);
  }
  result.frames.set_skipped(source.summary().skipped);
  return result;
}

// An independent runtime; where there is none, what each said.
Result<std::unique_ptr<Context>> make_original(const ModelFile& file, int threads) {
  auto onnxruntime =
      file.make_context(ContextKind::kOriginal, ReferenceKind::kOnnxRuntime, threads);
  if (onnxruntime) return onnxruntime;
  auto opencv = file.make_context(ContextKind::kOriginal, ReferenceKind::kOpenCv, threads);
  if (opencv) return opencv;
  return fail(
      ErrorCode::kUnavailable,
      fmt::format("no independent runtime can run this model (ONNX Runtime: {}; OpenCV: {})",
                  onnxruntime.error().text(), opencv.error().text()));
}

void append(SuspectsReport& report, std::string check, Findings findings) {
  report.checked.push_back(std::move(check));
  for (Finding& finding : findings) report.findings.push_back(std::move(finding));
}

Status check_on_frames(const Options& options, const ModelFile& file, const SuspectModel& model,
                       const Survey& set, SuspectsReport& report) {
  auto original = make_original(file, options.threads);
  if (original) {
    QUANT_TRY_ASSIGN(const auto native, file.make_context(ContextKind::kNative,
                                                          ReferenceKind::kNative, options.threads));
    const double least_db = is_quantized(*model.native) ? kSameQuantizedModelDb : kSameModelDb;
    QUANT_TRY_ASSIGN(Findings findings, check_original(**original, *native, set.few, least_db));
    append(report, "original", std::move(findings));
  } else {
    report.skipped.push_back({"original", original.error().text()});
  }
  QUANT_TRY_ASSIGN(Findings findings, check_normalization(model, set.frames, set.few));
  append(report, "normalization", std::move(findings));
  append(report, "activations", check_activations(model, set.activations));
  append(report, "activity", check_activity(model, set.activations));
  append(report, "merged outputs", check_merged_outputs(model, set.activations));
  return {};
}

Result<SuspectsReport> check(const Options& options) {
  QUANT_TRY_ASSIGN(const ModelFile file, ModelFile::open(options.model, options.read));
  QUANT_TRY_ASSIGN(const SuspectModel model, read_model(options, file));
  SuspectsReport report;
  std::optional<Survey> calib;
  std::optional<Survey> data;
  if (!options.calib.empty()) {
    QUANT_TRY_ASSIGN(calib, survey(options.calib, model, options, nullptr));
  }
  if (!options.data.empty()) {
    QUANT_TRY_ASSIGN(data, survey(options.data, model, options, calib ? &*calib : nullptr));
  }
  if (calib) {
    append(report, "calibration", check_calibration(calib->frames));
  } else if (file.archive()) {
    append(report, "calibration", check_calibration_record(file.archive()->archive().calibration));
  } else {
    report.skipped.push_back({"calibration", "no --calib"});
  }
  if (calib && data) {
    append(report, "domain",
           check_domain(calib->frames, data->frames, calib->activations, data->activations));
  } else {
    report.skipped.push_back({"domain", "needs --calib and --data"});
  }
  append(report, "weights", check_weights(model));
  if (calib || data) {
    QUANT_TRY(check_on_frames(options, file, model, calib ? *calib : *data, report));
  } else {
    for (const char* name :
         {"original", "normalization", "activations", "activity", "merged outputs"})
      report.skipped.push_back({name, "needs frames: --calib or --data"});
  }
  return report;
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
      ->check(CLI::IsMember({"stretch", "letterbox"}))
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
