// SPDX-License-Identifier: MIT
#include "pipelines/side_by_side.h"

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <utility>

#include "quant/analyze/value_histogram.h"
#include "quant/backend/context.h"
#include "quant/metrics/snr.h"

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
  return frame;
}

// What is done with the outputs of a frame: against outputs that differ a little, as a reference's
// do.
Contestant snr(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> reference;
  for (const Tensor& output : outputs) {
    Tensor other = output.clone();
    if (other.type() == DataType::kFloat32)
      for (float& value : other.data<float>()) value *= 1.01F;
    reference.push_back(std::move(other));
  }
  return {"snr",
          {},
          [outputs, reference]() -> Status {
            for (std::size_t i = 0; i < outputs.size(); ++i)
              QUANT_TRY(measure_error(reference[i], outputs[i]));
            return {};
          },
          {}};
}

Contestant histogram(const Context& context, const std::vector<Tensor>& outputs) {
  std::vector<double> steps;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& params = context.raw_params();
    steps.push_back(i < params.size() ? 1.0 / params[i].scale.front() : 1.0);
  }
  return {"histogram",
          {},
          [outputs, steps]() -> Status {
            for (std::size_t i = 0; i < outputs.size(); ++i)
              if (outputs[i].type() == DataType::kFloat32)
                StepHistogram(256).add(outputs[i].data<float>(), steps[i], 0);
            return {};
          },
          {}};
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
  std::vector<Tensor> outputs;
  QUANT_TRY(engine->run(frame, outputs));

  std::vector<Contestant> contestants;
  contestants.push_back({"engine",
                         engine->description(),
                         [engine, frame, results = std::vector<Tensor>()]() mutable {
                           return engine->run(frame, results);
                         },
                         {}});
  const FrameFormat fitting = network_format(*model);
  contestants.push_back(pipeline("pipeline", elements_for(*model, 1), fitting));
  for (const FrameFormat& larger : kLargerFrames)
    contestants.push_back(pipeline(to_string(larger), elements_for(*model, 1), larger));
  if (threads > 1)
    contestants.push_back(
        pipeline(fmt::format("pipeline-{}t", threads), elements_for(*model, threads), fitting));
  contestants.push_back(snr(outputs));
  contestants.push_back(histogram(*engine, outputs));

  SideBySide result;
  result.standings = race(contestants, options);
  QUANT_TRY_ASSIGN(auto alone, PushPipeline::make(elements_for(*model, 1), fitting));
  for (int i = 0; i < options.warm_up; ++i) QUANT_TRY(alone->push());
  QUANT_TRY_ASSIGN(result.elements, alone->measure_elements(options.rounds));
  return result;
}

}  // namespace quant::bench
