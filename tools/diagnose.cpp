// SPDX-License-Identifier: MIT
// gst-quant diagnose: why two sets of tensors that should agree do not.
#include <fmt/format.h>

#include <algorithm>

#include "command.h"
#include "quant/analyze/diagnosis_files.h"
#include "quant/analyze/diagnosis_inputs.h"
#include "quant/analyze/diagnosis_report.h"
#include "quant/tensor/npy.h"
#include "quant/tensor/shape_text.h"

namespace quant::tool {
namespace {

struct Options {
  std::string trusted;
  std::string suspect;
  std::string axes;
  std::vector<std::string> shapes;
  std::vector<std::string> types;
  std::string params;
  std::string model;
  std::string images;
  std::string resize = "stretch";
  ModelOptions read;
  std::int64_t most_frames = 4;
  int threads = 1;
  bool json = false;
};

// "NAME=VALUE", or "VALUE" for all.
std::pair<std::string, std::string> named(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {"", text};
  return {npy_stem_of(text.substr(0, equals)), text.substr(equals + 1)};
}

Result<RawFormats> formats_of(const Options& options) {
  RawFormats formats;
  for (const std::string& text : options.shapes) {
    const auto [name, value] = named(text);
    const auto shape = shape_from_string(value);
    if (!shape) {
      return fail(ErrorCode::kInvalidArgument,
                  "a shape is positive sizes joined by x, as 1x60x80x64, got " + value, "--shape");
    }
    formats.shapes[name] = *shape;
  }
  for (const std::string& text : options.types) {
    const auto [name, value] = named(text);
    const auto type = data_type_from_string(value);
    if (!type) {
      return fail(ErrorCode::kInvalidArgument, "takes uint8, uint16 or float32, got " + value,
                  "--type");
    }
    formats.types[name] = *type;
  }
  return formats;
}

using ParamsByName = std::map<std::string, QuantParams>;

Result<ParamsByName> params_of(const Options& options, const std::optional<ModelFile>& model) {
  ParamsByName params;
  if (model && model->archive()) {
    const Model& archive = *model->archive();
    for (std::size_t i = 0; i < archive.raw_outputs().size(); ++i)
      params[npy_stem_of(archive.raw_outputs()[i].name)] = archive.raw_params()[i];
  }
  if (!options.params.empty()) {
    QUANT_TRY_ASSIGN(ParamsByName given, read_params(options.params));
    for (auto& [name, value] : given) params[name] = std::move(value);
  }
  return params;
}

ReferenceAxes axes_of(const std::string& text) {
  if (text.empty()) return {};
  return {text == "chw" || text == "nchw" ? DeviceOrder::kNchw : DeviceOrder::kNhwc,
          text.size() == 3};
}

Result<std::vector<DiagnosisSubject>> subjects_of(const Options& options,
                                                  const ParamsByName& params) {
  QUANT_TRY_ASSIGN(RawFormats formats, formats_of(options));
  if (formats.types.count("") == 0) {
    for (const auto& [name, value] : params) {
      formats.types.try_emplace(name, value.type);
      if (params.size() == 1) formats.types.try_emplace("", value.type);
    }
  }
  QUANT_TRY_ASSIGN(const auto trusted, read_tensors(options.trusted, {}));
  QUANT_TRY_ASSIGN(const auto suspects, read_tensors(options.suspect, formats));
  const bool one_each = trusted.size() == 1 && suspects.size() == 1;
  std::vector<DiagnosisSubject> subjects;
  for (const RecordedTensor& tensor : trusted) {
    const auto suspect = std::find_if(
        suspects.begin(), suspects.end(),
        [&](const RecordedTensor& other) { return one_each || other.name == tensor.name; });
    if (suspect == suspects.end()) continue;
    auto known = params.find(tensor.name);
    // Of two single files the names say nothing, and neither does that of a single entry.
    if (known == params.end() && one_each && params.size() == 1) known = params.begin();
    QUANT_TRY_ASSIGN(
        DiagnosisSubject subject,
        make_subject(tensor.name, tensor.values, axes_of(options.axes), suspect->values,
                     known == params.end() ? std::nullopt : std::optional(known->second),
                     options.most_frames));
    if (!subjects.empty() && subjects.front().reference.size() != subject.reference.size()) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("has {} frames, {} has {}", subject.reference.size(),
                              subjects.front().name, subjects.front().reference.size()),
                  subject.name);
    }
    subjects.push_back(std::move(subject));
  }
  if (subjects.empty()) {
    return fail(ErrorCode::kNotFound, "no tensor has the name of one in " + options.trusted,
                options.suspect);
  }
  return subjects;
}

Status run(const Options& options) {
  std::optional<ModelFile> model;
  if (!options.model.empty()) {
    QUANT_TRY_ASSIGN(ModelFile file, ModelFile::open(options.model, options.read));
    model.emplace(std::move(file));
  }
  QUANT_TRY_ASSIGN(const ParamsByName params, params_of(options, model));
  QUANT_TRY_ASSIGN(const auto subjects, subjects_of(options, params));
  InputVariants inputs;
  if (!options.images.empty()) {
    InputTask task;
    task.images = options.images;
    task.spec = model->input();
    task.frames.resize = *resize_mode_from_string(options.resize);
    task.contexts = {ContextKind::kNative};
    if (model->archive()) task.contexts.push_back(ContextKind::kQuantized);
    task.make_context = [&](ContextKind kind) {
      return model->make_context(kind, ReferenceKind::kAuto, options.threads);
    };
    QUANT_TRY_ASSIGN(inputs, make_input_variants(task, subjects));
  }
  Diagnosis diagnosis = diagnose(subjects, inputs.variants);
  if (!inputs.untested.empty()) diagnosis.untested.back().reason = inputs.untested;
  if (options.json) {
    fmt::print("{}\n", to_json(diagnosis).dump(2, ' ', false,
                                               nlohmann::ordered_json::error_handler_t::replace));
  } else {
    fmt::print("{}", to_text(diagnosis));
  }
  return {};
}

}  // namespace

void add_diagnose(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diagnose",
      "Says why two sets of tensors that should agree do not: layout, quantization parameters, "
      "types, activations, outputs, frames, input");
  command
      ->add_option("A", options->trusted,
                   "The trusted side: .npy, or a folder of them (as gst-quant run writes them)")
      ->required();
  command
      ->add_option("B", options->suspect,
                   "The suspect side, likewise: real values, or raw integers of a device; .npy or "
                   ".bin; in folders, files of the same name belong together")
      ->required();
  command
      ->add_option("--axes", options->axes,
                   "Axes of A: nchw or nhwc (first axis: frames), chw or hwc (one frame) "
                   "[nchw; of rank 3: frames, positions, channels]")
      ->check(CLI::IsMember({"nchw", "nhwc", "chw", "hwc"}));
  command->add_option("--shape", options->shapes,
                      "Shape of .bin files of B, frames first: 1x60x80x64, or NAME=1x60x80x64");
  command->add_option("--type", options->types,
                      "Type of .bin files of B: uint8, uint16, float32, or NAME=uint16");
  command->add_option("--params", options->params,
                      "Scales and zero points: raw.json of gst-quant run --raw, or a list of "
                      "{\"name\", \"scale\", \"zero_point\"}");
  auto* const model =
      command->add_option("--model", options->model,
                          "Archive (.qar), whose scales and zero points are taken, or ONNX file");
  command
      ->add_option("--images", options->images,
                   "The frames that A was made of: tests what the network was fed")
      ->needs(model);
  command->add_option("--resize", options->resize, "How images became frames for A")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command->add_option("--frames", options->most_frames, "Look at no more than the first frames")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  options->read.add_to(*command);
  add_threads_to(*command, options->threads);
  command->add_flag("--json", options->json, "Report as JSON");
  command->footer(
      "Examples:\n"
      "  gst-quant run face.qar --input photos/ --output good/\n"
      "  gst-quant diagnose good/ device/ --model face.qar --images photos/\n"
      "  gst-quant diagnose good.npy device.bin --shape 1x60x80x64 --type uint16 --params q.json");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
