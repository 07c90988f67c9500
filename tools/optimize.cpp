// SPDX-License-Identifier: MIT
// gst-quant optimize: an ONNX model and calibration frames to an archive.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "command.h"
#include "progress_bar.h"
#include "quant/archive/archive.h"
#include "quant/base/read_file.h"
#include "quant/onnx/embed_external_data.h"
#include "quant/optimize/optimizer.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string calib;
  std::string output;
  ModelOptions read;
  std::string method = "auto";
  int level = 0;
  double percentile = 99.999;
  std::string resize = "stretch";
  std::int64_t most_frames = 0;
  int threads = 1;
  bool json = false;
};

// Frames of a source as the float graph's pixels.
class SourceCalibrationSet : public CalibrationSet {
 public:
  SourceCalibrationSet(FrameSource source, const InputSpec& spec, std::int64_t most)
      : source_(std::move(source)), spec_(spec), most_(most) {
    pixel_spec_ = spec;
    pixel_spec_.mean.assign(spec.mean.size(), 0.0F);
    pixel_spec_.std.assign(spec.std.size(), 1.0F);
  }
  std::optional<std::int64_t> count() const override {
    const auto count = source_.count();
    return most_ > 0 && count ? std::min(*count, most_) : count;
  }
  Result<std::optional<Tensor>> next() override {
    if (most_ > 0 && source_.summary().frames >= most_) return std::optional<Tensor>();
    QUANT_TRY_ASSIGN(std::optional<Frame> frame, source_.next());
    if (!frame) return std::optional<Tensor>();
    const Tensor pixels =
        frame->pixels ? *frame->pixels : denormalize_input(frame->network_input, spec_);
    return std::optional<Tensor>(normalize_frame(pixels, pixel_spec_));
  }
  Status rewind() override {
    whole_ = summary();
    return source_.rewind();
  }
  // Of the longest pass: some steps look at the first frames only.
  FrameSourceSummary summary() const {
    return source_.summary().frames > whole_.frames ? source_.summary() : whole_;
  }

 private:
  FrameSource source_;
  InputSpec spec_;
  InputSpec pixel_spec_;
  std::int64_t most_;
  FrameSourceSummary whole_;
};

// What about the calibration set a user should know before trusting the result.
std::vector<std::string> warnings(const FrameSourceSummary& summary) {
  std::vector<std::string> result;
  if (!summary.skipped.empty()) {
    result.push_back(fmt::format("{} unreadable images were left out, the first: {} ({})",
                                 summary.skipped.size(), summary.skipped.front().name,
                                 summary.skipped.front().reason));
  }
  if (summary.frames > 1 && summary.repeated == summary.frames - 1) {
    result.push_back("the calibration set is one image repeated; ranges will not fit other images");
  } else if (summary.repeated > 0) {
    result.push_back(fmt::format("{} of {} calibration images repeat an earlier one",
                                 summary.repeated, summary.frames));
  }
  if (summary.single_color == summary.frames) {
    result.push_back(
        "every calibration image has a single colour; ranges will not fit real images");
  } else if (summary.single_color > 0) {
    result.push_back(fmt::format("{} of {} calibration images have a single colour",
                                 summary.single_color, summary.frames));
  }
  if (summary.frames == 1)
    result.push_back("one calibration image is too few; 32 or more, of the real scene, are usual");
  return result;
}

// "auto" resolved.
std::string method_name(const Options& options) {
  if (options.method != "auto") return options.method;
  return options.level >= static_cast<int>(OptimizationLevel::kBiasCorrection) ? "search"
                                                                               : "min-max";
}

CalibrationStatistics statistics_of(const OptimizedModel& optimized, const Options& options,
                                    const FrameSourceSummary& summary) {
  CalibrationStatistics statistics;
  statistics.method = method_name(options);
  statistics.images = summary.frames;
  statistics.repeated = summary.repeated;
  statistics.single_color = summary.single_color;
  for (const SkippedImage& skipped : summary.skipped) statistics.skipped.push_back(skipped.name);
  const Graph& graph = *optimized.float_graph;
  for (std::size_t id = 0; id < graph.values.size(); ++id) {
    const Range seen = optimized.seen[id];
    const Range chosen = optimized.chosen[id];
    if (graph.values[id].constant || graph.values[id].type != DataType::kFloat32) continue;
    statistics.tensors[graph.values[id].name] = {seen.min, seen.max, chosen.min, chosen.max};
  }
  return statistics;
}

Status run(const Options& options) {
  const OnnxReadOptions read = options.read.read_options(options.model);
  QUANT_TRY_ASSIGN(std::vector<std::byte> onnx, read_file(options.model, kMaxModelBytes));
  const auto named = [&](Error error) {
    return fail_with_context(std::move(error), options.model);
  };
  auto embedded = embed_external_data(std::move(onnx), read.external_data_dir);
  if (!embedded) return named(std::move(embedded).error());
  auto graph = read_onnx(*embedded, read);
  if (!graph) return named(std::move(graph).error());
  auto input = image_input(*graph, *color_order_from_string(options.read.color), options.read.mean,
                           options.read.std);
  if (!input) return named(std::move(input).error());

  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source, FrameSource::open(options.calib, *input, frame_options));
  SourceCalibrationSet set(std::move(source), *input, options.most_frames);
  OptimizerOptions optimizer;
  optimizer.read = read;
  optimizer.input = *input;
  optimizer.level = static_cast<OptimizationLevel>(options.level);
  optimizer.method = range_method_from_string(options.method);
  optimizer.percentile = options.percentile;
  optimizer.threads = options.threads;
  Result<OptimizedModel> optimized = [&] {
    ProgressBar bar;
    return optimize(*embedded, optimizer, set,
                    [&](std::string_view step, std::int64_t done, std::int64_t total) {
                      bar.start(step);
                      bar.update(done, total);
                    });
  }();
  if (!optimized) return named(std::move(optimized).error());

  Archive archive;
  archive.calibration = statistics_of(*optimized, options, set.summary());
  archive.model = std::move(optimized->model);
  archive.original_onnx = std::move(*embedded);
  archive.input_shapes = read.input_shapes;
  archive.end_nodes = read.end_nodes;
  archive.options = {{"level", fmt::format("{}", options.level)},
                     {"method", options.method},
                     {"resize", options.resize}};
  if (options.method == "percentile")
    archive.options["percentile"] = fmt::format("{}", options.percentile);
  QUANT_TRY(write_archive(options.output, archive));

  const std::vector<std::string> notes = warnings(set.summary());
  std::size_t integer_layers = archive.model.integer.nodes.size();
  if (options.json) {
    nlohmann::ordered_json report = {{"output", options.output},
                                     {"frames", set.summary().frames},
                                     {"skipped", set.summary().skipped.size()},
                                     {"layers", integer_layers},
                                     {"host_layers", archive.model.host.nodes.size()},
                                     {"warnings", notes}};
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print("{}: {} integer layers, {} on the host, calibrated on {} frames ({})\n",
               options.output, integer_layers, archive.model.host.nodes.size(),
               set.summary().frames, archive.calibration.method);
  }
  for (const std::string& note : notes) fmt::print(stderr, "warning: {}\n", note);
  return {};
}

}  // namespace

void add_optimize(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "optimize",
      "Quantizes an ONNX model (a8_w8) with calibration frames and writes an archive (.qar)");
  command->add_option("model", options->model, "ONNX file")->required();
  command
      ->add_option("--calib", options->calib,
                   "Calibration frames: folder of images, image, .npy or video")
      ->required();
  command->add_option("--output,-o", options->output, "Archive to write (.qar)")->required();
  options->read.add_to(*command);
  command
      ->add_option("--level", options->level,
                   "How much is done for accuracy: -100 nothing, 0 equalization, 1 also bias "
                   "correction and a search for ranges")
      ->check(CLI::IsMember({-100, 0, 1}))
      ->capture_default_str();
  command
      ->add_option("--method", options->method,
                   "How ranges of activations are chosen (auto: min-max, at level 1 the search)")
      ->check(CLI::IsMember({"auto", "min-max", "percentile", "mse"}))
      ->capture_default_str();
  command
      ->add_option("--percentile", options->percentile,
                   "Share of values inside the range, in percent, for --method percentile")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember({"stretch", "letterbox"}))
      ->capture_default_str();
  command->add_option("--frames", options->most_frames, "Use at most so many frames (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();

  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Example:\n  gst-quant optimize face.onnx --calib photos/ --color rgb --mean 127 --std 128 "
      "--output face.qar");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
