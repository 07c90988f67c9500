// SPDX-License-Identifier: MIT
// gst-quant run: one context over frames, outputs as .npy.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "command.h"
#include "progress_bar.h"
#include "quant/base/atomic_file.h"
#include "quant/tensor/npy.h"

namespace quant::tool {
namespace {

struct Options {
  std::string model;
  std::string context = "quantized";
  std::string reference = "auto";
  std::string input;
  std::string output;
  std::string resize = "stretch";
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

// One list of tensors per output.
struct Collected {
  std::vector<std::vector<Tensor>> outputs;
  std::vector<std::vector<Tensor>> raw;
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
    const std::string file = file_name_of(context.raw_outputs()[i].name) + ".raw.npy";
    QUANT_TRY(write_npy(directory / file, stack(collected.raw[i])));
    parameters.push_back({{"name", context.raw_outputs()[i].name},
                          {"file", file},
                          {"type", to_string(params.type)},
                          {"scale", params.scale},
                          {"zero_point", params.zero_point},
                          {"axis", params.axis}});
  }
  const std::string text = parameters.dump(2) + "\n";
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(directory / "raw.json"));
  QUANT_TRY(file.write(std::as_bytes(std::span(text))));
  QUANT_TRY(file.commit());
  report["raw"] = parameters;
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
    const auto file = std::filesystem::path(options.output) / (file_name_of(info.name) + ".npy");
    QUANT_TRY(write_npy(file, stacked));
    report["outputs"].push_back(
        {{"name", info.name}, {"file", file.string()}, {"shape", stacked.shape()}});
    if (!options.json) fmt::print("{}  {}\n", file.string(), to_string(stacked.shape()));
  }
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
  command->add_flag("--raw", options->raw,
                    "Also writes the integers (NAME.raw.npy) and their parameters (raw.json)");
  command->add_option("--reference", options->reference, "Who runs the context original")
      ->check(CLI::IsMember({"auto", "onnxruntime", "opencv", "native"}))
      ->capture_default_str();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember({"stretch", "letterbox"}))
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Example:\n  gst-quant run face.qar --context quantized --input photo.jpg --output out/ "
      "--raw");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
