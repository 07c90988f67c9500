// SPDX-License-Identifier: MIT
// gst-quant optimize: an ONNX model and calibration frames to an archive.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "command.h"
#include "interrupt.h"
#include "optimize_check.h"
#include "optimize_report.h"
#include "progress_bar.h"
#include "quant/archive/archive.h"
#include "quant/optimize/optimizer.h"
#include "quant/optimize/script_plan.h"
#include "quant/passes/lift_quantization.h"
#include "quant/script/parser.h"
#include "quant/vision/frame_source.h"
#include "source_calibration_set.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string calib;
  std::string output;
  std::string script;
  std::string scope;
  std::string target = "generic";
  ModelOptions read;
  bool normalized = false;  // --mean or --std was given
  std::string method = "auto";
  std::optional<int> level;
  std::optional<int> compression_level;
  std::vector<double> wanted_db;
  std::optional<double> copies_percent;
  std::optional<int> epochs;
  std::string resume;
  double percentile = 99.999;
  std::string resize = "stretch";
  std::int64_t most_frames = 0;
  bool accept_few_images = false;
  bool accept_memory = false;
  bool accept_findings = false;
  int threads = 1;
  bool json = false;
};

// "auto" resolved.
std::string method_name(const Options& options, OptimizationLevel level) {
  if (options.method != "auto") return options.method;
  return level >= OptimizationLevel::kBiasCorrection ? "search" : "min-max";
}

CalibrationStatistics statistics_of(const OptimizedModel& optimized, std::string method,
                                    const FrameSourceSummary& summary) {
  CalibrationStatistics statistics;
  statistics.method = optimized.imported ? "imported" : std::move(method);
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

// The level that was asked for, here or in the script; 0 where neither says.
OptimizationLevel chosen_level(const Options& options, const std::optional<ModelScript>& script) {
  int level = options.level.value_or(0);
  if (!options.level && script && script->flavor.line > 0)
    level = script->flavor.optimization_level;
  if (level < 0) return OptimizationLevel::kNone;
  return static_cast<OptimizationLevel>(level);
}

// A script asks for so many images; with fewer, it is the user's to say that they are enough.
Status limit_frames(const ModelScript& script, std::optional<std::int64_t> available,
                    const Options& options, std::int64_t& most) {
  const auto check = [&](int line, int wanted, const char* purpose) -> Status {
    if (options.accept_few_images || !available || *available >= wanted) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("line {} asks for {} images for {} and {} has {}; add images, or "
                            "--accept-few-images to go on with these",
                            line, wanted, purpose, options.calib, *available),
                script.source.file);
  };
  const CalibrationSettings& calibration = script.calibration;
  if (calibration.line > 0 && options.most_frames == 0) {
    most = calibration.calibset_size;
    QUANT_TRY(check(calibration.line, calibration.calibset_size, "calibration"));
  }
  // Its default is meant for sets of another size than ours.
  const Finetune& finetune = script.finetune;
  if (finetune.policy.value_or(false) && finetune.dataset_size != Finetune().dataset_size)
    return check(finetune.line, finetune.dataset_size, "fine-tuning");
  return {};
}

// What the command line says, else what the script says, else what is measured best.
FinetuneOptions finetune_options(const Options& options, const std::optional<ModelScript>& script) {
  FinetuneOptions result;
  const Finetune by_default;
  if (script && script->finetune.epochs != by_default.epochs)
    result.epochs = script->finetune.epochs;
  if (script && script->finetune.learning_rate != by_default.learning_rate)
    result.weight_rate = script->finetune.learning_rate;
  result.epochs = options.epochs.value_or(result.epochs);
  result.checkpoint = options.resume;
  if (options.accept_few_images) result.least_frames = result.held_back;
  return result;
}

// What is quantized: the model after the script's edits, and what its input means.
struct Network {
  OnnxReadOptions read;
  std::optional<ModelScript> script;
  std::string scope;  // its name in the script's selectors
  std::vector<std::byte> onnx;
  InputSpec input;
  bool quantized = false;  // by somebody else
};

Result<Network> read_network(const Options& options) {
  Network network;
  network.read = options.read.read_options(options.model);
  std::optional<ModelScript>& script = network.script;
  if (!options.script.empty()) {
    QUANT_TRY_ASSIGN(ScriptSource source, read_script(options.script));
    QUANT_TRY_ASSIGN(script, parse_model_script(std::move(source)));
  }
  network.scope =
      options.scope.empty() ? std::filesystem::path(options.model).stem().string() : options.scope;
  QUANT_TRY_ASSIGN(std::vector<std::byte> onnx,
                   options.read.read_model(options.model, network.read));
  const auto named = [&](Error error) {
    return fail_with_context(std::move(error), options.model);
  };
  auto graph = read_onnx(onnx, network.read);
  if (!graph) return named(std::move(graph).error());
  if (script && (!script->output_activations.empty() || !script->transposes.empty())) {
    QUANT_TRY_ASSIGN(onnx, edit_model(*script, *graph, network.scope, std::move(onnx)));
    graph = read_onnx(onnx, network.read);
    if (!graph) return named(std::move(graph).error());
  }
  network.onnx = std::move(onnx);
  network.quantized = is_quantized(*graph);
  auto input = describe_input(*graph, *color_order_from_string(options.read.color),
                              options.read.mean, options.read.std);
  if (!input) return named(std::move(input).error());
  if (script) {
    if (options.normalized && !script->normalizations.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {} normalizes the input and so do --mean and --std; leave one",
                              script->normalizations.front().line),
                  options.script);
    }
    QUANT_TRY(apply_input_settings(*script, *input));
  }
  network.input = std::move(*input);
  return network;
}

// None, where the model needs none and the command line names none.
Result<SourceCalibrationSet> open_frames(const Options& options, const Network& network) {
  if (options.calib.empty()) {
    if (network.quantized) return SourceCalibrationSet();
    return fail(ErrorCode::kInvalidArgument,
                "a float model is quantized with calibration frames; name them with --calib",
                options.model);
  }
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source,
                   FrameSource::open(options.calib, network.input, frame_options));
  std::int64_t most_frames = options.most_frames;
  if (network.script)
    QUANT_TRY(limit_frames(*network.script, source.count(), options, most_frames));
  return SourceCalibrationSet(std::move(source), network.input, most_frames);
}

OptimizerOptions optimizer_options(const Options& options, const Network& network,
                                   OptimizationLevel level) {
  OptimizerOptions result;
  result.script = network.script;
  result.scope = network.scope;
  result.target = *target_from_string(options.target);
  result.read = network.read;
  result.input = network.input;
  result.level = level;
  constexpr double kShareOfLevel = 0.2;
  if (options.compression_level)
    result.share_in_4_bits = kShareOfLevel * *options.compression_level;
  result.wanted_db = options.wanted_db;
  if (options.copies_percent) result.most_copied = *options.copies_percent / 100;
  result.finetune = finetune_options(options, network.script);
  result.accept_few_frames = options.accept_few_images;
  result.stop = interrupted;
  result.method = range_method_from_string(options.method);
  result.percentile = options.percentile;
  result.accept_memory = options.accept_memory;
  result.threads = options.threads;
  return result;
}

// Fine-tuning and searches are worth a look at the suspects first: seconds before minutes or hours.
bool takes_long(const OptimizerOptions& optimizer) {
  return optimizer.level >= OptimizationLevel::kFinetuning || !optimizer.wanted_db.empty() ||
         (optimizer.script && optimizer.script->finetune.policy.value_or(false));
}

Result<std::vector<std::string>> check_first(const Options& options, const Network& network) {
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  return check_before_optimize({options.model, network.onnx, network.read, network.input,
                                options.calib, frame_options, options.most_frames, options.threads,
                                options.accept_few_images, options.accept_findings});
}

Archive archive_of(const Options& options, Network network, OptimizationLevel level,
                   const OptimizedModel& optimized, const FrameSourceSummary& frames) {
  Archive archive;
  archive.calibration = statistics_of(optimized, method_name(options, level), frames);
  archive.model = optimized.model;
  archive.original_onnx = std::move(network.onnx);
  archive.input_shapes = network.read.input_shapes;
  archive.end_nodes = network.read.end_nodes;
  archive.options = {{"level", fmt::format("{}", static_cast<int>(level))},
                     {"method", options.method},
                     {"target", options.target},
                     {"resize", options.resize}};
  if (options.method == "percentile")
    archive.options["percentile"] = fmt::format("{}", options.percentile);
  if (network.script) {
    archive.script = network.script->source.text;
    for (const NmsPostprocess& nms : network.script->nms_postprocesses) {
      archive.options["nms_meta_arch"] = nms.meta_arch;
      archive.options["nms_config"] = nms.config;
    }
  }
  return archive;
}

Status fail_interrupted(const Options& options) {
  std::string text = "stopped by Ctrl-C, no archive was written";
  std::error_code ignored;
  if (!options.resume.empty() && std::filesystem::exists(options.resume, ignored)) {
    text += fmt::format("; --resume {} goes on behind the last finished pass of fine-tuning",
                        options.resume);
  }
  return fail(ErrorCode::kInvalidArgument, std::move(text), options.model);
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
}

Status run(const Options& options) {
  catch_interrupt();
  QUANT_TRY_ASSIGN(Network network, read_network(options));
  OptimizationLevel level = chosen_level(options, network.script);
  if (network.quantized && !options.level && !(network.script && network.script->flavor.line > 0))
    level = OptimizationLevel::kNone;
  QUANT_TRY_ASSIGN(SourceCalibrationSet frames, open_frames(options, network));
  const OptimizerOptions optimizer = optimizer_options(options, network, level);
  std::optional<std::vector<std::string>> suspects;
  // The suspects are those of pictures.
  if (takes_long(optimizer) && !network.quantized && network.input.is_image()) {
    if (const Status possible = check_work(network.onnx, optimizer, frames); !possible)
      return fail_with_context(possible.error(), options.model);
    auto found = check_first(options, network);
    if (interrupted()) return fail_interrupted(options);
    QUANT_TRY_ASSIGN(suspects, std::move(found));
    print_warnings(*suspects);
  }
  Result<OptimizedModel> optimized = [&] {
    ProgressBar bar;
    return optimize(network.onnx, optimizer, frames,
                    [&](std::string_view step, std::int64_t done, std::int64_t total) {
                      bar.start(step);
                      bar.update(done, total);
                    });
  }();
  if (interrupted()) return fail_interrupted(options);
  if (!optimized) return fail_with_context(std::move(optimized).error(), options.model);
  const FrameSourceSummary summary = frames.summary();
  const Archive archive = archive_of(options, std::move(network), level, *optimized, summary);
  QUANT_TRY(write_archive(options.output, archive));

  const OptimizeReport report{options.output, archive.calibration.method, summary,
                              suspects ? *suspects : warnings(summary)};
  if (options.json) {
    fmt::print("{}\n", report_json(report, *optimized).dump(2));
  } else {
    fmt::print("{}", report_text(report, *optimized));
  }
  if (!suspects) print_warnings(report.warnings);
  for (const std::string& note : optimized->notes)
    fmt::print(stderr, "{}: {}\n", options.script, note);
  return {};
}

}  // namespace

void add_optimize(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "optimize", "Quantizes an ONNX model with calibration frames and writes an archive (.qar)");
  command->add_option("model", options->model, "ONNX file")->required();
  command->add_option("--calib", options->calib,
                      "Calibration frames: folder of images or .npy files, image, .npy or video; a "
                      "model that is quantized already needs none");
  command->add_option("--output,-o", options->output, "Archive to write (.qar)")->required();
  options->read.add_to(*command);
  command->add_option("--script", options->script,
                      "Model script (.alls): precision, ranges and algorithms, layer by layer");
  command->add_option("--scope", options->scope,
                      "The network's name in the script's selectors, as net in net/conv1 (default: "
                      "the model's file name)");
  command
      ->add_option("--target", options->target,
                   "Device whose limits of precision hold; generic: everything is allowed")
      ->check(CLI::IsMember({"generic", "hailo8", "hailo8l"}))
      ->capture_default_str();
  command
      ->add_option(
          "--level", options->level,
          "How much is done for accuracy: -100 nothing, 0 equalization, 1 also a search for "
          "ranges, bias correction and weights fitted to and rounded by what they meet, 2 also "
          "copies of layers and fine-tuning, 3 the same with 256 frames, 4 with 1024 (default: as "
          "the script says, "
          "else 0)")
      ->check(CLI::IsMember({-100, 0, 1, 2, 3, 4}));
  command
      ->add_option("--compression-level", options->compression_level,
                   "Share of the weights in 4 bits, 20 % a level, where they cost least (default: "
                   "as the script says, else 0)")
      ->check(CLI::Range(0, 5));
  command
      ->add_option("--snr", options->wanted_db,
                   "Wanted signal-to-noise ratio of the outputs in dB, one for all or one each: "
                   "searches the layers that need 16 bits for it, and prints what bits buy")
      ->check(CLI::Range(0.0, 140.0))
      ->delimiter(',');
  command
      ->add_option("--copies", options->copies_percent,
                   "Products that copies of layers may add to the network, in percent; 0: none "
                   "(default: 5 at level 2 and above, else 0)")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--method", options->method,
                   "How ranges of activations are chosen (auto: min-max, at level 1 the search)")
      ->check(CLI::IsMember({"auto", "min-max", "percentile", "mse", "entropy"}))
      ->capture_default_str();
  command
      ->add_option("--percentile", options->percentile,
                   "Share of values inside the range, in percent, for --method percentile")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command->add_option("--frames", options->most_frames, "Use at most so many frames (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--epochs", options->epochs,
                   "Passes over the frames in fine-tuning (default: as the script says, else 20)")
      ->check(CLI::Range(1, 100000));
  command->add_option("--resume", options->resume,
                      "File that keeps the state of fine-tuning after every pass; where it is "
                      "there, the work goes on from it. Removed when all is done");
  command->add_flag("--accept-few-images", options->accept_few_images,
                    "Go on with fewer images than the script or fine-tuning asks for");
  command->add_flag("--accept-findings", options->accept_findings,
                    "Go on where the look at the immediate suspects, before what takes long, finds "
                    "errors");
  command->add_flag("--accept-memory", options->accept_memory,
                    "Go on where the work seems to need more memory than there is");
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Example:\n  gst-quant optimize face.onnx --calib photos/ --color rgb --mean 127 --std 128 "
      "--output face.qar");
  command->callback([options, command, &status] {
    options->normalized = command->count("--mean") > 0 || command->count("--std") > 0;
    status = run(*options);
  });
}

}  // namespace quant::tool
