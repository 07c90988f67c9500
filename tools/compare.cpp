// SPDX-License-Identifier: MIT
// gst-quant compare: every context on the same frames, rung by rung.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "command.h"
#include "progress_bar.h"
#include "quant/analyze/hybrid_network.h"
#include "quant/analyze/ladder.h"
#include "quant/analyze/ladder_report.h"
#include "quant/analyze/recorded_context.h"
#include "quant/analyze/repeatability.h"
#include "quant/backend/device_context.h"
#include "quant/backend/open_driver.h"
#include "quant/base/atomic_file.h"
#include "quant/metrics/snr_json.h"
#include "quant/script/layer_option.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string data;
  std::vector<std::string> contexts;
  std::string reference = "auto";
  std::string resize = "stretch";
  ModelOptions read;
  std::string records;
  std::string float_layers;
  std::string quantized_layers;
  std::string dump;
  std::string device_model;
  std::string backend = std::string(kHailortBackend);
  std::int64_t most_frames = 0;
  int repeat = 1;
  int threads = 1;
  bool json = false;
};

// One line a frame, as quanttee writes them: the last context against the first.
Status write_record(AtomicFile& file, const Frame& frame, const std::vector<TensorInfo>& outputs,
                    const std::vector<std::vector<Tensor>>& results) {
  nlohmann::ordered_json record = {
      {"frame", frame.index}, {"name", frame.name}, {"outputs", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    QUANT_TRY_ASSIGN(const OutputError error, measure_error(results.front()[i], results.back()[i]));
    nlohmann::ordered_json figures = {{"name", outputs[i].name}};
    figures.update(to_json(error));
    record["outputs"].push_back(std::move(figures));
  }
  const std::string line = record.dump() + "\n";
  return file.write(std::as_bytes(std::span(line)));
}

// The archive's float network with some layers quantized, as the options say.
Result<std::unique_ptr<Context>> make_hybrid(const Options& options, const ModelFile& model) {
  const bool by_float = !options.float_layers.empty();
  const std::string option = by_float ? "--float-layers" : "--quantized-layers";
  if (!model.archive()) {
    return fail(ErrorCode::kInvalidArgument,
                option + " needs an archive; quantize the model first (gst-quant optimize)",
                options.model);
  }
  QUANT_TRY_ASSIGN(const NoiseSubject subject, noise_subject(*model.archive()));
  const std::vector<Layer> layers = hybrid_layers(subject);
  QUANT_TRY_ASSIGN(
      const auto named,
      layers_of_option(by_float ? options.float_layers : options.quantized_layers, option, layers));
  std::set<std::string> quantized;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (std::binary_search(named.begin(), named.end(), i) != by_float)
      quantized.insert(layers[i].name);
  }
  QUANT_TRY_ASSIGN(Graph graph, hybrid_network(subject, quantized));
  return make_float_context(ContextKind::kHybrid, std::make_shared<const Graph>(std::move(graph)),
                            subject.input, options.threads);
}

Result<std::unique_ptr<Context>> make_device(const Options& options, const ModelFile& model) {
  if (!model.archive()) {
    return fail(ErrorCode::kInvalidArgument,
                "a device is compared with an archive; quantize the model first (gst-quant "
                "optimize)",
                options.model);
  }
  if (!options.dump.empty())
    return make_recorded_context(model.archive(), options.dump, {}, options.threads);
  SessionOptions session;
  session.device.model_path = options.device_model;
  QUANT_TRY_ASSIGN(auto driver, open_driver(options.backend, options.device_model, model.archive(),
                                            options.threads));
  QUANT_TRY_ASSIGN(auto runner, DeviceRunner::open(std::move(driver), *model.archive(), session));
  return make_device_context(model.archive(), std::move(runner), options.threads);
}

Result<std::unique_ptr<Context>> make_context(const Options& options, const ModelFile& model,
                                              ContextKind kind) {
  switch (kind) {
    case ContextKind::kHybrid:
      return make_hybrid(options, model);
    case ContextKind::kDevice:
      return make_device(options, model);
    case ContextKind::kOriginal:
    case ContextKind::kNative:
    case ContextKind::kFpOptimized:
    case ContextKind::kQuantized:
      break;
  }
  return model.make_context(kind, *reference_kind_from_string(options.reference), options.threads);
}

// Runs every context on the frame again, as often as asked for.
Status repeat_frame(const Options& options, const Frame& frame,
                    std::vector<std::unique_ptr<Context>>& contexts,
                    const std::vector<std::vector<Tensor>>& first,
                    std::vector<Repeatability>& repeated) {
  for (int run = 1; run < options.repeat; ++run) {
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      std::vector<Tensor> again;
      QUANT_TRY(contexts[i]->run(frame, again));
      QUANT_TRY(repeated[i].add(first[i], again));
    }
  }
  return {};
}

void print_repeatability(const std::vector<std::string>& names,
                         const std::vector<Repeatability>& repeated) {
  fmt::print("\nthe same frame again\n");
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const OutputRepeatability& output : repeated[i].outputs())
      fmt::print("  {:<13} {}: {}\n", names[i], output.name, to_text(output));
  }
}

Status run(const Options& options) {
  QUANT_TRY_ASSIGN(const ModelFile model, ModelFile::open(options.model, options.read));
  std::vector<std::string> names = options.contexts;
  if (names.empty()) {
    names = {"original", "native"};
    if (model.archive()) names.insert(names.end(), {"fp-optimized", "quantized"});
  }
  if (!options.float_layers.empty() || !options.quantized_layers.empty())
    names.insert(std::find(names.begin() + 1, names.end(), "quantized"), "hybrid");
  if (!options.dump.empty() || !options.device_model.empty()) names.push_back("device");
  std::vector<std::unique_ptr<Context>> contexts;
  for (const std::string& name : names) {
    QUANT_TRY_ASSIGN(contexts.emplace_back(),
                     make_context(options, model, *context_kind_from_string(name)));
  }
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source,
                   FrameSource::open(options.data, model.input(), frame_options));
  std::vector<std::string> outputs;
  for (const TensorInfo& info : contexts.front()->outputs()) outputs.push_back(info.name);
  Ladder ladder(names, outputs);
  std::vector<Repeatability> repeated;
  repeated.reserve(contexts.size());
  for (const auto& context : contexts) repeated.emplace_back(context->outputs());
  std::optional<AtomicFile> records;
  if (!options.records.empty()) {
    QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(options.records));
    records.emplace(std::move(file));
  }
  {
    ProgressBar bar("comparing");
    while (options.most_frames == 0 || source.summary().frames < options.most_frames) {
      QUANT_TRY_ASSIGN(const std::optional<Frame> frame, source.next());
      if (!frame) break;
      std::vector<std::vector<Tensor>> results(contexts.size());
      for (std::size_t i = 0; i < contexts.size(); ++i)
        QUANT_TRY(contexts[i]->run(*frame, results[i]));
      QUANT_TRY(ladder.add_frame(frame->name, results));
      QUANT_TRY(repeat_frame(options, *frame, contexts, results, repeated));
      if (records) {
        QUANT_TRY(write_record(*records, *frame, contexts.front()->outputs(), results));
      }
      bar.update(source.summary().frames,
                 options.most_frames > 0 ? options.most_frames : source.count().value_or(0));
    }
  }
  if (records) QUANT_TRY(records->commit());
  if (options.json) {
    nlohmann::ordered_json report = to_json(ladder.report());
    for (std::size_t i = 0; i < contexts.size(); ++i)
      report["runs_on"][names[i]] = contexts[i]->description();
    for (std::size_t i = 0; options.repeat > 1 && i < contexts.size(); ++i) {
      for (const OutputRepeatability& output : repeated[i].outputs())
        report["repeated"][names[i]].push_back(to_json(output));
    }
    fmt::print("{}\n", report.dump(2));
  } else {
    for (std::size_t i = 0; i < contexts.size(); ++i)
      fmt::print("{:<13} {}\n", names[i], contexts[i]->description());
    fmt::print("\n{}", to_text(ladder.report()));
    if (options.repeat > 1) print_repeatability(names, repeated);
  }
  for (const SkippedImage& skipped : source.summary().skipped)
    fmt::print(stderr, "warning: {} was left out: {}\n", skipped.name, skipped.reason);
  return {};
}

}  // namespace

void add_compare(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compare",
                                         "Runs every context on the same frames and prints SNR, "
                                         "cosine and differences per output and rung");
  command
      ->add_option("model", options->model,
                   "Archive (.qar), or ONNX file (contexts original and native)")
      ->required();
  command->add_option("--data", options->data, "Frames: folder of images, image, .npy or video")
      ->required();
  command
      ->add_option("--contexts", options->contexts,
                   "Contexts to compare, from the most trusted down (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember({"original", "native", "fp-optimized", "quantized"}));
  command->add_option("--reference", options->reference, "Who runs the context original")
      ->check(CLI::IsMember({"auto", "onnxruntime", "opencv", "native"}))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command->add_option("--records", options->records,
                      "Also writes one JSON object a frame: the last context against the first, "
                      "with the fields of quanttee's records");
  auto* const float_layers =
      command->add_option("--float-layers", options->float_layers,
                          "Adds the context hybrid: these layers float, the others quantized "
                          "(names and {patterns} as in model scripts)");
  command
      ->add_option("--quantized-layers", options->quantized_layers,
                   "Adds the context hybrid: these layers quantized, the others float")
      ->excludes(float_layers);
  auto* const dump = command->add_option(
      "--dump", options->dump,
      "Adds the context device from a folder of tensors recorded elsewhere: NAME.npy of float "
      "outputs, or of raw integers with their parameters in raw.json (else the archive's), frame "
      "by frame as in --data");
  command
      ->add_option("--device-model", options->device_model,
                   "Adds the context device: this compiled network (.hef; with --backend fake its "
                   "options) on an accelerator")
      ->excludes(dump);
  command->add_option("--backend", options->backend, "Who runs --device-model")
      ->check(CLI::IsMember({"hailort", "fake"}))
      ->capture_default_str();
  command
      ->add_option("--repeat", options->repeat,
                   "Runs every frame so often and says whether the answers are the same")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--frames", options->most_frames, "Use at most so many frames (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Examples:\n"
      "  gst-quant compare face.qar --data photos/\n"
      "  gst-quant compare face.qar --data photos/ --float-layers '{conv1[0-9]}'\n"
      "  gst-quant compare face.qar --data photos/ --device-model face.hef --repeat 10\n"
      "  gst-quant compare face.qar --data photos/ --dump recorded/");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
