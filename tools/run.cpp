// SPDX-License-Identifier: MIT
// gst-quant run: one context over frames, outputs as .npy.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "command.h"
#include "progress_bar.h"
#include "quant/base/atomic_file.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/script/layer_option.h"
#include "quant/tensor/npy.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string context = "quantized";
  std::string reference = "auto";
  std::string input;
  std::string output;
  std::string resize = "stretch";
  std::string taps;
  ModelOptions read;
  int threads = 1;
  bool raw = false;
  bool json = false;
};

// Frames of one output, stacked along the batch axis (a new first axis where the output has none).
Tensor stack(const std::vector<Tensor>& frames) {
  if (frames.size() == 1) return frames.front();
  Shape shape = frames.front().shape();
  if (shape.empty() || shape[0] != 1) shape.insert(shape.begin(), 1);
  shape[0] = static_cast<std::int64_t>(frames.size());
  Tensor result(frames.front().type(), shape);
  std::size_t offset = 0;
  for (const Tensor& frame : frames) {
    std::memcpy(result.raw() + offset, frame.raw(), frame.bytes());
    offset += frame.bytes();
  }
  return result;
}

nlohmann::ordered_json raw_json(const std::string& name, const std::string& file,
                                const QuantParams& params) {
  return {{"name", name},
          {"file", file},
          {"type", to_string(params.type)},
          {"scale", params.scale},
          {"zero_point", params.zero_point},
          {"axis", params.axis}};
}

bool is_integer_activation(const Context& context, const Value& value) {
  return context.kind() == ContextKind::kQuantized && value.quant;
}

// One list of tensors per output.
struct Collected {
  std::vector<std::vector<Tensor>> outputs;
  std::vector<std::vector<Tensor>> raw;
  std::vector<std::vector<Tensor>> tapped;
  std::vector<std::string> frames;
};

Status collect(std::vector<std::vector<Tensor>>& lists, const std::vector<Tensor>& tensors,
               const std::vector<TensorInfo>& infos) {
  lists.resize(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!lists[i].empty() && lists[i].front().shape() != tensors[i].shape()) {
      return fail(ErrorCode::kUnsupported,
                  "its shape differs from frame to frame; run one frame at a time", infos[i].name);
    }
    lists[i].push_back(tensors[i]);
  }
  return {};
}

Status write_raw(const std::filesystem::path& directory, const Context& context,
                 const Collected& collected, nlohmann::ordered_json& report) {
  nlohmann::ordered_json parameters = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < collected.raw.size(); ++i) {
    const QuantParams& params = context.raw_params()[i];
    const std::string file = npy_stem_of(context.raw_outputs()[i].name) + ".raw.npy";
    QUANT_TRY(write_npy(directory / file, stack(collected.raw[i])));
    parameters.push_back(raw_json(context.raw_outputs()[i].name, file, params));
  }
  const std::string text = parameters.dump(2) + "\n";
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(directory / "raw.json"));
  QUANT_TRY(file.write(std::as_bytes(std::span(text))));
  QUANT_TRY(file.commit());
  report["raw"] = parameters;
  return {};
}

// An inner tensor that is written beside the outputs.
struct Tap {
  std::string layer;
  ValueId value = kNoValue;
};

Result<std::vector<Tap>> choose_taps(const Options& options, Context& context) {
  if (options.taps.empty()) return std::vector<Tap>();
  const Graph* graph = context.graph();
  if (graph == nullptr) {
    QUANT_TRY(context.tap({}));
    return std::vector<Tap>();
  }
  const std::vector<Layer> layers = layers_of(*graph, {}, {}, "");
  QUANT_TRY_ASSIGN(const auto selected, layers_of_option(options.taps, "--taps", layers));
  std::vector<Tap> taps;
  std::vector<ValueId> values;
  for (const std::size_t index : selected) {
    for (const ValueId id : graph->nodes[index].outputs) {
      if (id == kNoValue) continue;
      taps.push_back({graph->nodes[index].name, id});
      values.push_back(id);
    }
  }
  QUANT_TRY(context.tap(values));
  return taps;
}

// Real values; of integers also, where asked for, these.
Status write_taps(const Options& options, const Context& context, const std::vector<Tap>& taps,
                  const std::vector<std::vector<Tensor>>& tapped, nlohmann::ordered_json& report) {
  const std::filesystem::path directory = options.output;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const Value& value = context.graph()->value(taps[i].value);
    Tensor stacked = stack(tapped[i]);
    nlohmann::ordered_json entry = {
        {"layer", taps[i].layer}, {"name", value.name}, {"shape", stacked.shape()}};
    const auto path = directory / (npy_stem_of(value.name) + ".npy");
    if (is_integer_activation(context, value)) {
      if (options.raw) {
        const std::string raw = npy_stem_of(value.name) + ".raw.npy";
        QUANT_TRY(write_npy(directory / raw, stacked));
        entry["raw"] = raw_json(value.name, raw, *value.quant);
      }
      QUANT_TRY_ASSIGN(stacked, dequantize_tensor(stacked, *value.quant));
    }
    QUANT_TRY(write_npy(path, stacked));
    entry["file"] = path.string();
    if (!options.json)
      fmt::print("{}  {}  {}\n", path.string(), to_string(stacked.shape()), taps[i].layer);
    report["taps"].push_back(std::move(entry));
  }
  return {};
}

Status run(const Options& options) {
  const auto kind = *context_kind_from_string(options.context);
  QUANT_TRY_ASSIGN(const ModelFile model, ModelFile::open(options.model, options.read));
  QUANT_TRY_ASSIGN(
      const auto context,
      model.make_context(kind, *reference_kind_from_string(options.reference), options.threads));
  if (options.raw && kind != ContextKind::kQuantized) {
    return fail(ErrorCode::kInvalidArgument, "only the quantized context has raw integers",
                "--raw");
  }
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source,
                   FrameSource::open(options.input, model.input(), frame_options));

  QUANT_TRY_ASSIGN(const std::vector<Tap> taps, choose_taps(options, *context));
  std::vector<TensorInfo> tap_infos;
  tap_infos.reserve(taps.size());
  for (const Tap& tap : taps)
    tap_infos.push_back({context->graph()->value(tap.value).name, {}, {}});

  Collected collected;
  {
    ProgressBar bar("running");
    for (;;) {
      QUANT_TRY_ASSIGN(const std::optional<Frame> frame, source.next());
      if (!frame) break;
      std::vector<Tensor> outputs;
      QUANT_TRY(context->run(*frame, outputs));
      QUANT_TRY(collect(collected.outputs, outputs, context->outputs()));
      if (options.raw) QUANT_TRY(collect(collected.raw, context->raw(), context->raw_outputs()));
      if (!taps.empty()) QUANT_TRY(collect(collected.tapped, context->tapped(), tap_infos));
      collected.frames.push_back(frame->name);
      bar.update(static_cast<std::int64_t>(collected.frames.size()), source.count().value_or(0));
    }
  }

  std::error_code error;
  std::filesystem::create_directories(options.output, error);
  if (error)
    return fail(ErrorCode::kIo, "the folder cannot be made: " + error.message(), options.output);
  nlohmann::ordered_json report = {{"context", options.context},
                                   {"runs_on", context->description()},
                                   {"frames", collected.frames}};
  for (std::size_t i = 0; i < collected.outputs.size(); ++i) {
    const TensorInfo& info = context->outputs()[i];
    const Tensor stacked = stack(collected.outputs[i]);
    const auto file = std::filesystem::path(options.output) / (npy_stem_of(info.name) + ".npy");
    QUANT_TRY(write_npy(file, stacked));
    report["outputs"].push_back(
        {{"name", info.name}, {"file", file.string()}, {"shape", stacked.shape()}});
    if (!options.json) fmt::print("{}  {}\n", file.string(), to_string(stacked.shape()));
  }
  QUANT_TRY(write_taps(options, *context, taps, collected.tapped, report));
  if (options.raw) QUANT_TRY(write_raw(options.output, *context, collected, report));
  if (options.json) fmt::print("{}\n", report.dump(2));
  for (const SkippedImage& skipped : source.summary().skipped)
    fmt::print(stderr, "warning: {} was left out: {}\n", skipped.name, skipped.reason);
  return {};
}

}  // namespace

void add_run(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "run", "Runs one context of a model over frames and writes its outputs as float32 .npy");
  command
      ->add_option("model", options->model,
                   "Archive (.qar), or ONNX file for the contexts original and native")
      ->required();
  command->add_option("--context", options->context, "Rung of the ladder")
      ->check(CLI::IsMember({"original", "native", "fp-optimized", "quantized"}))
      ->capture_default_str();
  command
      ->add_option("--input", options->input,
                   "Image, folder, video, uint8 .npy (frames at network size) or float32 .npy (the "
                   "ONNX input itself)")
      ->required();
  command
      ->add_option(
          "--output,-o", options->output,
          "Folder; each output becomes NAME.npy, several frames stacked along the batch axis")
      ->required();
  command->add_option("--taps", options->taps,
                      "Layers whose tensors are written as well, as NAME.npy by the tensor's name: "
                      "names and {patterns} as in model scripts");
  command->add_flag("--raw", options->raw,
                    "Also writes the integers (NAME.raw.npy) and their parameters (raw.json)");
  command->add_option("--reference", options->reference, "Who runs the context original")
      ->check(CLI::IsMember({"auto", "onnxruntime", "opencv", "native"}))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Examples:\n"
      "  gst-quant run face.qar --context quantized --input photo.jpg --output out/ --raw\n"
      "  gst-quant run face.qar --context native --input photo.jpg --output out/ --taps '{conv*}'");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
