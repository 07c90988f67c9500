// SPDX-License-Identifier: MIT
// gst-quant bench: time per frame and memory of one context.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench_layers.h"
#include "command.h"
#include "quant/vision/frame.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string context = "quantized";
  std::string reference = "auto";
  ModelOptions read;
  int frames = 50;
  int threads = 1;
  bool layers = false;
  bool json = false;
};

// Every pixel value occurs, and no two neighbours are alike: time must not depend on an empty
// picture.
Frame synthetic_frame(const InputSpec& spec) {
  Frame frame;
  for (const FeatureInput& feature : spec.features) {
    Tensor& wave = frame.features.emplace_back(DataType::kFloat32, feature.shape);
    const auto values = wave.data<float>();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::sin(0.37F * static_cast<float>(i));
  }
  if (!spec.is_image()) return frame;
  frame.name = "synthetic";
  frame.pixels = Tensor(DataType::kUint8, {spec.height, spec.width, spec.channels()});
  std::uint32_t state = 1;
  for (std::uint8_t& pixel : frame.pixels->data<std::uint8_t>()) {
    state = state * 1664525U + 1013904223U;
    pixel = static_cast<std::uint8_t>(state >> 24U);
  }
  frame.network_input = normalize_frame(*frame.pixels, spec);
  return frame;
}

// The most memory that the process has held so far.
std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

Status run(const Options& options) {
  if (options.layers && options.context != "quantized") {
    return fail(ErrorCode::kInvalidArgument, "only the context quantized has layers to time",
                "--layers");
  }
  const std::int64_t before = peak_resident_bytes();
  QUANT_TRY_ASSIGN(const ModelFile model, ModelFile::open(options.model, options.read));
  QUANT_TRY_ASSIGN(
      const auto context,
      model.make_context(*context_kind_from_string(options.context),
                         *reference_kind_from_string(options.reference), options.threads));
  const Frame frame = synthetic_frame(model.input());
  std::vector<Tensor> outputs;
  const int warm_up = std::max(3, options.frames / 10);
  for (int i = 0; i < warm_up; ++i) QUANT_TRY(context->run(frame, outputs));
  std::vector<double> times;
  for (int i = 0; i < options.frames; ++i) {
    const auto start = std::chrono::steady_clock::now();
    QUANT_TRY(context->run(frame, outputs));
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(times.begin(), times.end());
  const std::int64_t memory = peak_resident_bytes() - before;
  const double median = times[times.size() / 2];
  const double p95 = times[std::min(times.size() - 1, times.size() * 95 / 100)];
  nlohmann::ordered_json layers;
  if (options.layers) {
    QUANT_TRY_ASSIGN(const auto archive, Model::open(options.model));
    QUANT_TRY_ASSIGN(layers, time_layers(*archive, frame, options.frames, options.threads));
  }
  if (options.json) {
    nlohmann::ordered_json report = {{"model", options.model},
                                     {"context", options.context},
                                     {"runs_on", context->description()},
                                     {"threads", options.threads},
                                     {"frames", options.frames},
                                     {"median_ms", median},
                                     {"p95_ms", p95},
                                     {"min_ms", times.front()},
                                     {"fps", 1000.0 / median},
                                     {"memory_bytes", memory}};
    if (options.layers) report["layers"] = layers;
    fmt::print("{}\n", report.dump(2));
  } else {
    fmt::print(
        "{} on {}, {} thread(s), {} frames: median {:.3f} ms, 95 % within {:.3f} ms, {:.1f} "
        "frames/s, {:.1f} MiB for model and frames\n",
        options.context, context->description(), options.threads, options.frames, median, p95,
        1000.0 / median, static_cast<double>(memory) / (1 << 20));
    if (options.layers) fmt::print("{}", layers_text(layers));
  }
  return {};
}

}  // namespace

void add_bench(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("bench", "Measures time per frame and memory of one context");
  command
      ->add_option("model", options->model,
                   "Archive (.qar), or ONNX file for the contexts original and native")
      ->required();
  command->add_option("--context", options->context, "Rung of the ladder")
      ->check(CLI::IsMember({"original", "native", "fp-optimized", "quantized"}))
      ->capture_default_str();
  command->add_option("--reference", options->reference, "Who runs the context original")
      ->check(CLI::IsMember({"auto", "onnxruntime", "opencv", "native"}))
      ->capture_default_str();
  command->add_option("--frames", options->frames, "Frames to measure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_threads_to(*command, options->threads);
  options->read.add_to(*command);
  command->add_flag("--layers", options->layers,
                    "Also where the time goes: the median of every step, the longest first");
  command->add_flag("--json", options->json,
                    "Report as JSON: median_ms, p95_ms, fps, memory_bytes, layers");
  command->footer("Example:\n  gst-quant bench face.qar --context quantized --threads 2 --json");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
