// SPDX-License-Identifier: MIT
#include "pipelines/side_by_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "quant/analyze/value_histogram.h"
#include "quant/backend/context.h"
#include "quant/metrics/snr.h"
#include "quant/vision/frame.h"

namespace quant::bench {
namespace {

const std::vector<FrameFormat> kLargerFrames = {{GST_VIDEO_FORMAT_NV12, 640, 480},
                                                {GST_VIDEO_FORMAT_NV12, 1280, 720},
                                                {GST_VIDEO_FORMAT_NV12, 1920, 1080}};

Contestant absent(std::string name, const Error& error) {
  return {std::move(name), {}, nullptr, error.text()};
}

Contestant pipeline(std::string name, const std::string& elements, const FrameFormat& format) {
  auto made = PushPipeline::make(elements, format);
  if (!made) return absent(std::move(name), made.error());
  const std::shared_ptr<PushPipeline> shared = std::move(*made);
  return {std::move(name), elements, [shared] { return shared->push(); }, {}};
}

Frame make_frame(const InputSpec& input) {
  Frame frame;
  frame.pixels.emplace(DataType::kUint8, Shape{input.height, input.width, input.channels()});
  const std::span<std::uint8_t> pixels = frame.pixels->data<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  frame.network_input =
      Tensor(DataType::kFloat32, Shape{1, input.channels(), input.height, input.width});
  FrameNormalizer(input).run(pixels, frame.network_input.data<float>());
  return frame;
}

using Run = std::function<Status(std::vector<Tensor>&)>;

// What is done with the outputs of a frame, as quanttee does it: the frame has just been through
// the engine and the reference.
Result<Contestant> snr(const std::shared_ptr<const Model>& model, const Frame& frame,
                       const Run& run_engine) {
  QUANT_TRY_ASSIGN(auto made, make_context(model, ContextKind::kOriginal, ReferenceKind::kAuto, 1));
  struct Both {
    std::unique_ptr<Context> context;
    std::vector<Tensor> outputs, reference;
    std::vector<std::size_t> order;  // of the reference's outputs
  };
  const auto both = std::make_shared<Both>();
  both->context = std::move(made);
  const auto& theirs = both->context->outputs();
  for (const TensorInfo& output : model->outputs()) {
    const auto found = std::find_if(theirs.begin(), theirs.end(), [&](const TensorInfo& info) {
      return info.name == output.name;
    });
    if (found == theirs.end())
      return fail(ErrorCode::kInvalidData, "the reference has no output of that name", output.name);
    both->order.push_back(static_cast<std::size_t>(found - theirs.begin()));
  }
  return Contestant{"snr",
                    {},
                    [both]() -> Status {
                      for (std::size_t i = 0; i < both->outputs.size(); ++i)
                        QUANT_TRY(measure_error(both->reference[both->order[i]], both->outputs[i]));
                      return {};
                    },
                    {},
                    [both, run_engine, frame]() -> Status {
                      QUANT_TRY(run_engine(both->outputs));
                      return both->context->run(frame, both->reference);
                    }};
}

// Where an output's values lie on the scale of its integers.
struct Steps {
  double per_value = 1;
  double zero_point = 0;
};

// The output's own scale; where the host computes it, integers that cover what it holds.
Steps steps_for(const TensorInfo& info, const Tensor& output, const Context& engine) {
  const auto& raw = engine.raw_outputs();
  const auto found = std::ranges::find(raw, info.name, &TensorInfo::name);
  if (found != raw.end()) {
    const QuantParams& params = engine.raw_params()[static_cast<std::size_t>(found - raw.begin())];
    return {1.0 / params.scale[0], params.zero_point[0]};
  }
  if (output.type() != DataType::kFloat32 || output.elements() == 0) return {};
  const auto [low, high] = std::ranges::minmax(output.data<float>());
  if (!(high > low)) return {};
  const double per_value = 255 / (static_cast<double>(high) - low);
  return {per_value, std::round(-low * per_value)};
}

// Behind the engine alone.
Result<Contestant> histogram(const Context& engine, const Run& run_engine) {
  const auto outputs = std::make_shared<std::vector<Tensor>>();
  QUANT_TRY(run_engine(*outputs));
  std::vector<Steps> steps;
  for (std::size_t i = 0; i < outputs->size(); ++i)
    steps.push_back(steps_for(engine.outputs()[i], (*outputs)[i], engine));
  return Contestant{"histogram",
                    {},
                    [outputs, steps]() -> Status {
                      for (std::size_t i = 0; i < outputs->size(); ++i) {
                        const Tensor& output = (*outputs)[i];
                        if (output.type() == DataType::kFloat32)
                          StepHistogram(256).add(output.data<float>(), steps[i].per_value,
                                                 steps[i].zero_point);
                      }
                      return {};
                    },
                    {},
                    [outputs, run_engine] { return run_engine(*outputs); }};
}

}  // namespace

FrameFormat network_format(const Model& model) {
  const InputSpec& input = model.input();
  FrameFormat format{GST_VIDEO_FORMAT_RGB, input.width, input.height};
  if (input.color == ColorOrder::kBgr) format.format = GST_VIDEO_FORMAT_BGR;
  if (input.color == ColorOrder::kGray) format.format = GST_VIDEO_FORMAT_GRAY8;
  return format;
}

std::string elements_for(const Model& model, int threads, const std::string& tee) {
  std::string line = fmt::format(
      "quantnormalize name=normalize ! quantinfer name=infer model=\"{}\" threads={} ! "
      "quantdequantize name=dequantize",
      model.path(), threads);
  if (!tee.empty()) line += " ! " + tee;
  return line;
}

Result<SideBySide> measure_side_by_side(const std::shared_ptr<const Model>& model, int threads,
                                        const RaceOptions& options) {
  QUANT_TRY_ASSIGN(auto made,
                   make_context(model, ContextKind::kQuantized, ReferenceKind::kAuto, 1));
  const std::shared_ptr<Context> engine = std::move(made);
  const Frame frame = make_frame(model->input());
  const Run run_engine = [engine, frame](std::vector<Tensor>& results) {
    return engine->run(frame, results);
  };

  std::vector<Contestant> contestants;
  contestants.push_back(
      {"engine",
       engine->description(),
       [run_engine, results = std::vector<Tensor>()]() mutable { return run_engine(results); },
       {}});
  const FrameFormat fitting = network_format(*model);
  contestants.push_back(pipeline("pipeline", elements_for(*model, 1), fitting));
  for (const FrameFormat& larger : kLargerFrames)
    contestants.push_back(pipeline(to_string(larger), elements_for(*model, 1), larger));
  if (threads > 1)
    contestants.push_back(
        pipeline(fmt::format("pipeline-{}t", threads), elements_for(*model, threads), fitting));
  // In a race of their own: what they run beforehand would leave the engine's memory in the cache
  // and drive the pipelines' out.
  std::vector<Contestant> figures;
  auto ratio = snr(model, frame, run_engine);
  figures.push_back(ratio ? std::move(*ratio) : absent("snr", ratio.error()));
  QUANT_TRY_ASSIGN(figures.emplace_back(), histogram(*engine, run_engine));

  SideBySide result;
  result.standings = race(contestants, options);
  for (auto& standing : race(figures, options)) result.standings.push_back(std::move(standing));
  QUANT_TRY_ASSIGN(auto alone, PushPipeline::make(elements_for(*model, 1), fitting));
  for (int i = 0; i < options.warm_up; ++i) QUANT_TRY(alone->push());
  QUANT_TRY_ASSIGN(result.elements, alone->measure_elements(options.rounds));
  return result;
}

}  // namespace quant::bench
