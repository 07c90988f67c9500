// SPDX-License-Identifier: MIT
// gst-quant evaluate: every context against ground truth, on the same images.
#include <fmt/format.h>

#include "command.h"
#include "metric_command.h"
#include "progress_bar.h"
#include "quant/analyze/evaluation_report.h"
#include "quant/analyze/metric_output.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string data;
  std::string truth;
  std::string classes;
  std::vector<std::string> contexts;
  std::string reference = "auto";
  std::string resize = "stretch";
  ModelOptions read;
  EvaluationOptions evaluation;
  std::string metric_command;
  std::string outputs;
  std::int64_t skip = 0;
  std::int64_t most_frames = 0;
  int threads = 1;
  bool json = false;
};

using Contexts = std::vector<std::unique_ptr<Context>>;

Result<Contexts> make_contexts(const Options& options, const ModelFile& model,
                               const std::vector<std::string>& names) {
  Contexts contexts;
  for (const std::string& name : names) {
    QUANT_TRY_ASSIGN(
        auto context,
        model.make_context(*context_kind_from_string(name),
                           *reference_kind_from_string(options.reference), options.threads));
    contexts.push_back(std::move(context));
  }
  return contexts;
}

Result<std::optional<Evaluation>> make_evaluation(const Options& options,
                                                  const std::vector<std::string>& names,
                                                  const Context& context, const InputSpec& input) {
  if (options.truth.empty()) return std::optional<Evaluation>();
  std::optional<ClassNames> classes;
  if (!options.classes.empty()) {
    QUANT_TRY_ASSIGN(classes, ClassNames::read(options.classes));
  }
  auto truth = GroundTruth::read(options.truth, classes ? &*classes : nullptr);
  if (!truth) {
    if (!classes && truth.error().code == ErrorCode::kInvalidArgument)
      truth.error().message += " (--classes)";
    return tl::unexpected(std::move(truth).error());
  }
  EvaluationOptions evaluation = options.evaluation;
  evaluation.resize = *resize_mode_from_string(options.resize);
  auto made = Evaluation::create(std::move(*truth), names, context.outputs(), input, evaluation);
  if (!made) return fail_with_context(std::move(made).error(), options.model);
  return std::optional(std::move(*made));
}

Result<std::vector<OutputFolder>> make_folders(const Options& options,
                                               const std::filesystem::path& parent,
                                               const std::vector<std::string>& names,
                                               const Contexts& contexts, const InputSpec& input) {
  std::vector<OutputFolder> folders;
  for (std::size_t c = 0; c < contexts.size(); ++c) {
    QUANT_TRY_ASSIGN(
        OutputFolder folder,
        OutputFolder::create(
            parent / names[c],
            {{"context", names[c]},
             {"runs_on", contexts[c]->description()},
             {"data", options.data},
             {"frame",
              {{"width", input.width}, {"height", input.height}, {"resize", options.resize}}}}));
    folders.push_back(std::move(folder));
  }
  return folders;
}

// Returns the number of images that were run.
Result<std::int64_t> run_contexts(const Options& options, FrameSource& source,
                                  const Contexts& contexts, std::optional<Evaluation>& evaluation,
                                  std::vector<OutputFolder>& folders) {
  ProgressBar bar("evaluating");
  const std::int64_t all = source.count().value_or(0);
  const std::int64_t last = options.most_frames > 0 ? options.skip + options.most_frames : all;
  std::int64_t images = 0;
  while (options.most_frames == 0 || source.summary().frames < last) {
    QUANT_TRY_ASSIGN(const std::optional<Frame> frame, source.next());
    if (!frame) break;
    if (frame->index < options.skip || (evaluation && !evaluation->accepts(*frame))) continue;
    std::vector<std::vector<Tensor>> results(contexts.size());
    for (std::size_t c = 0; c < contexts.size(); ++c) {
      QUANT_TRY(contexts[c]->run(*frame, results[c]));
      if (!folders.empty()) QUANT_TRY(folders[c].add(*frame, contexts[c]->outputs(), results[c]));
    }
    if (evaluation) QUANT_TRY(evaluation->add_frame(*frame, results));
    ++images;
    bar.update(source.summary().frames - options.skip, last - options.skip);
  }
  return images;
}

Result<std::vector<EvaluatedFigure>> run_metric(const Options& options,
                                                const std::vector<std::string>& names,
                                                std::vector<OutputFolder>& folders,
                                                std::int64_t images) {
  std::vector<std::vector<MetricValues>> printed;
  for (OutputFolder& folder : folders) {
    QUANT_TRY(folder.finish());
    QUANT_TRY_ASSIGN(const std::string text,
                     run_metric_command(options.metric_command, folder.path()));
    auto values = parse_metric_output(text, static_cast<std::size_t>(images));
    if (!values) return fail_with_context(std::move(values).error(), options.metric_command);
    printed.push_back(std::move(*values));
  }
  auto figures = external_figures(printed, names, static_cast<std::size_t>(images),
                                  options.evaluation.bootstrap);
  if (!figures) return fail_with_context(std::move(figures).error(), options.metric_command);
  return figures;
}

void print_warnings(const EvaluationReport& report, const FrameSourceSummary& summary) {
  const auto print_list = [](const std::vector<ImageRemark>& remarks, const char* what) {
    constexpr std::size_t kListed = 10;
    for (std::size_t i = 0; i < std::min(remarks.size(), kListed); ++i)
      fmt::print(stderr, "warning: {}{}: {}\n", remarks[i].image, what, remarks[i].text);
    if (remarks.size() > kListed)
      fmt::print(stderr, "warning: … and {} more (--json lists them)\n", remarks.size() - kListed);
  };
  for (const SkippedImage& skipped : summary.skipped)
    fmt::print(stderr, "warning: {} was left out: {}\n", skipped.name, skipped.reason);
  print_list(report.left_out, " was left out");
  print_list(report.remarks, "");
}

Status run(const Options& options) {
  if (options.truth.empty() && options.metric_command.empty())
    return fail(ErrorCode::kInvalidArgument,
                "there is nothing to compare with: give --truth, --metric-command or both");
  QUANT_TRY_ASSIGN(const ModelFile model, ModelFile::open(options.model, options.read));
  QUANT_TRY(model.require_image());
  std::vector<std::string> names = options.contexts;
  if (names.empty()) names = {"original", model.archive() ? "quantized" : "native"};
  QUANT_TRY_ASSIGN(const Contexts contexts, make_contexts(options, model, names));
  QUANT_TRY_ASSIGN(std::optional<Evaluation> evaluation,
                   make_evaluation(options, names, *contexts.front(), model.input()));
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source,
                   FrameSource::open(options.data, model.input(), frame_options));
  std::optional<TemporaryFolder> temporary;
  std::vector<OutputFolder> folders;
  if (!options.metric_command.empty()) {
    std::filesystem::path parent = options.outputs;
    if (parent.empty()) {
      QUANT_TRY_ASSIGN(TemporaryFolder folder, TemporaryFolder::create());
      parent = temporary.emplace(std::move(folder)).path();
    }
    QUANT_TRY_ASSIGN(folders, make_folders(options, parent, names, contexts, model.input()));
  }
  QUANT_TRY_ASSIGN(const std::int64_t images,
                   run_contexts(options, source, contexts, evaluation, folders));
  EvaluationReport report;
  if (evaluation) {
    QUANT_TRY_ASSIGN(report, evaluation->report());
  } else {
    if (images == 0) return fail(ErrorCode::kNotFound, "no image was left to run", options.data);
    report.contexts = names;
    report.images = images;
    report.bootstrap = options.evaluation.bootstrap;
  }
  if (!folders.empty()) {
    QUANT_TRY_ASSIGN(auto figures, run_metric(options, names, folders, images));
    for (EvaluatedFigure& figure : figures) report.figures.push_back(std::move(figure));
  }
  if (options.json) {
    nlohmann::ordered_json json = to_json(report);
    for (std::size_t c = 0; c < contexts.size(); ++c)
      json["runs_on"][names[c]] = contexts[c]->description();
    for (const SkippedImage& skipped : source.summary().skipped)
      json["left_out"].push_back({{"image", skipped.name}, {"reason", skipped.reason}});
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    for (std::size_t c = 0; c < contexts.size(); ++c)
      fmt::print("{:<13} {}\n", names[c], contexts[c]->description());
    fmt::print("\n{}", to_text(report));
  }
  print_warnings(report, source.summary());
  return {};
}

void add_detection_options(CLI::App& command, EvaluationOptions& evaluation) {
  std::vector<std::string> decoders = detection_decoder_names();
  decoders.insert(decoders.begin(), "auto");
  command.add_option("--decoder", evaluation.decoder, "Detection: what turns outputs into boxes")
      ->check(CLI::IsMember(decoders))
      ->capture_default_str();
  command
      .add_option("--score-threshold", evaluation.detection.score_threshold,
                  "Detection: boxes that score less do not count")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      .add_option(
          "--nms-iou", evaluation.detection.nms_iou,
          "Detection: of boxes of one class that overlap more the best stays (default: what "
          "the authors of the decoder's network use)")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--most-detections", evaluation.most_detections,
                  "Detection: the best so many count, per image and class")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace

void add_evaluate(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Measures the accuracy of each context against ground truth, and how sure the difference is");
  command
      ->add_option("model", options->model,
                   "Archive (.qar), or ONNX file (contexts original and native)")
      ->required();
  command->add_option("--data", options->data, "Images: folder, image, .npy or video")->required();
  command->add_option(
      "--truth", options->truth,
      "What is on the images: .csv (file,label or file,x,y,w,h[,label]), COCO .json, or a folder "
      "of "
      "Pascal VOC .xml; labels make it a test of classification, boxes one of detection");
  command->add_option("--classes", options->classes,
                      "Names of the model's classes, one a line, from class 0; further names for "
                      "the same class behind commas");
  command
      ->add_option("--contexts", options->contexts,
                   "Contexts to compare, the first is the reference (default: original,quantized)")
      ->delimiter(',')
      ->check(CLI::IsMember({"original", "native", "fp-optimized", "quantized"}));
  add_detection_options(*command, options->evaluation);
  command->add_option("--metric-command", options->metric_command,
                      "Also runs this shell command on a folder with the outputs of each context; "
                      "it prints numbers or a JSON object");
  command->add_option("--outputs", options->outputs,
                      "Where these folders are kept (default: a temporary place)");
  command->add_option("--reference", options->reference, "Who runs the context original")
      ->check(CLI::IsMember({"auto", "onnxruntime", "opencv", "native"}))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command->add_option("--skip", options->skip, "Leave out so many images at the beginning")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--frames", options->most_frames, "Use at most so many frames (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--resamples", options->evaluation.bootstrap.resamples,
                   "Resamples of the bootstrap that gives the intervals")
      ->check(CLI::Range(100, 1000000))
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Example:\n  gst-quant evaluate face.qar --data photos/ --truth photos.csv --decoder rfb");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
