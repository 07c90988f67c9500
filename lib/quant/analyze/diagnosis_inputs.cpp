// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "quant/tensor/npy.h"

namespace quant {
namespace {

enum class Normalization { kOnce, kNever, kTwice };

// How a frame becomes the network's input.
struct Feeding {
  bool other_colors = false;
  bool other_resize = false;
  Normalization normalization = Normalization::kOnce;
};

// What it is most often mistaken for: proportions kept in place of none, none in place of kept.
ResizeMode other_than(ResizeMode mode) {
  return mode == ResizeMode::kStretch ? ResizeMode::kLetterbox : ResizeMode::kStretch;
}

std::vector<Cause> causes_of(const Feeding& feeding, const InputTask& task) {
  std::vector<Cause> causes;
  if (feeding.other_colors) {
    causes.push_back(
        {Fault::kColorOrder, fmt::format("the network was fed {} where it expects {}",
                                         task.spec.color == ColorOrder::kRgb ? "BGR" : "RGB",
                                         task.spec.color == ColorOrder::kRgb ? "RGB" : "BGR")});
  }
  if (feeding.other_resize) {
    causes.push_back(
        {Fault::kResize,
         fmt::format("the pictures were resized by {}, those of the reference by {}",
                     to_string(other_than(task.frames.resize)), to_string(task.frames.resize))});
  }
  if (feeding.normalization == Normalization::kNever) {
    causes.push_back(
        {Fault::kNormalizationMissing, "the network was fed pixels that were not normalized"});
  }
  if (feeding.normalization == Normalization::kTwice)
    causes.push_back({Fault::kNormalizationTwice, "the frames were normalized twice"});
  return causes;
}

// The frame as a program that does it wrongly feeds it.
void feed_wrongly(Frame& frame, const InputSpec& spec, const Feeding& feeding) {
  const std::size_t channels = spec.mean.size();
  if (feeding.other_colors && frame.pixels) {
    Tensor pixels = frame.pixels->clone();
    const auto values = pixels.data<std::uint8_t>();
    for (std::size_t i = 0; i < values.size(); i += channels)
      std::swap(values[i], values[i + channels - 1]);
    frame.pixels = std::move(pixels);
  }
  Tensor input = frame.network_input.clone();
  const auto from = frame.network_input.data<float>();
  const auto to = input.data<float>();
  const std::size_t plane = to.size() / channels;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::size_t c = i / plane;
    const std::size_t source = feeding.other_colors ? channels - 1 - c : c;
    const float pixel = from[source * plane + i % plane] * spec.std[source] + spec.mean[source];
    switch (feeding.normalization) {
      case Normalization::kNever:
        to[i] = pixel;
        break;
      case Normalization::kOnce:
        to[i] = (pixel - spec.mean[c]) / spec.std[c];
        break;
      case Normalization::kTwice:
        to[i] = ((pixel - spec.mean[c]) / spec.std[c] - spec.mean[c]) / spec.std[c];
        break;
    }
  }
  frame.network_input = std::move(input);
  // The device is fed what the floats are, clipped to its range.
  if (feeding.normalization != Normalization::kOnce) frame.pixels.reset();
}

Result<std::vector<Frame>> read_frames(const InputTask& task, const Feeding& feeding,
                                       std::size_t count) {
  FrameOptions options = task.frames;
  if (feeding.other_resize) options.resize = other_than(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source, FrameSource::open(task.images, task.spec, options));
  std::vector<Frame> frames;
  while (frames.size() < count) {
    QUANT_TRY_ASSIGN(std::optional<Frame> frame, source.next());
    if (!frame) break;
    if (feeding.other_colors || feeding.normalization != Normalization::kOnce)
      feed_wrongly(*frame, task.spec, feeding);
    frames.push_back(std::move(*frame));
  }
  return frames;
}

class Runs {
 public:
  Runs(const InputTask& task, std::span<const DiagnosisSubject> subjects)
      : task_(task), subjects_(subjects) {}

  Result<InputVariant> run(Context& context, const Feeding& feeding) const {
    InputVariant variant{causes_of(feeding, task_), {}};
    variant.outputs.resize(subjects_.size());
    QUANT_TRY_ASSIGN(const std::vector<Frame> frames,
                     read_frames(task_, feeding, subjects_.front().reference.size()));
    std::vector<Tensor> outputs;
    for (const Frame& frame : frames) {
      QUANT_TRY(context.run(frame, outputs));
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::string stem = npy_stem_of(context.outputs()[i].name);
        for (std::size_t s = 0; s < subjects_.size(); ++s) {
          if (subjects_[s].name != stem || outputs[i].elements() != subjects_[s].extent.elements())
            continue;
          QUANT_TRY_ASSIGN(auto real, frames_by_pixel(outputs[i], {}));
          variant.outputs[s].push_back(std::move(real.front()));
        }
      }
    }
    return variant;
  }

  // How well an output agrees with the reference, summed over outputs; nothing where one does not.
  std::optional<double> agreement(const InputVariant& variant) const {
    double sum = 0;
    std::size_t compared = 0;
    for (std::size_t s = 0; s < subjects_.size(); ++s) {
      OutputError error;
      const std::size_t frames = variant.outputs[s].size();
      for (std::size_t f = 0; f < frames; ++f)
        error.add(subjects_[s].reference[f], variant.outputs[s][f]);
      const Snr snr = error.snr();
      if (snr.state == SnrState::kUndefined) continue;
      if (snr.state == SnrState::kOk && snr.db < kLeastLevelDb) return std::nullopt;
      sum += std::min(snr.db, kAsGoodAsExactDb);
      ++compared;
    }
    return compared == 0 ? std::nullopt : std::optional(sum);
  }

 private:
  const InputTask& task_;
  std::span<const DiagnosisSubject> subjects_;
};

std::vector<Feeding> wrong_feedings(const InputSpec& spec) {
  std::vector<Feeding> result;
  for (const bool colors : {false, true}) {
    if (colors && spec.color == ColorOrder::kGray) continue;
    for (const bool resize : {false, true}) {
      for (const Normalization normalization :
           {Normalization::kOnce, Normalization::kNever, Normalization::kTwice}) {
        const int faults = static_cast<int>(colors) + static_cast<int>(resize) +
                           static_cast<int>(normalization != Normalization::kOnce);
        if (faults == 1 || faults == 2) result.push_back({colors, resize, normalization});
      }
    }
  }
  return result;
}

}  // namespace

Result<InputVariants> make_input_variants(const InputTask& task,
                                          std::span<const DiagnosisSubject> subjects) {
  InputVariants result;
  if (!task.spec.is_image()) {
    result.untested = "the model takes features";
    return result;
  }
  const Runs runs(task, subjects);
  std::vector<std::unique_ptr<Context>> contexts;
  std::size_t best = 0;
  std::optional<double> best_agreement;
  for (const ContextKind kind : task.contexts) {
    QUANT_TRY_ASSIGN(auto context, task.make_context(kind));
    QUANT_TRY_ASSIGN(const InputVariant right, runs.run(*context, {}));
    const auto agreement = runs.agreement(right);
    if (agreement && (!best_agreement || *agreement > *best_agreement)) {
      best_agreement = agreement;
      best = contexts.size();
    }
    contexts.push_back(std::move(context));
  }
  if (!best_agreement) {
    result.untested = "the reference is not what the model makes of these images";
    return result;
  }
  for (const Feeding& feeding : wrong_feedings(task.spec)) {
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      // A device clips what it is fed to the range of its input, a float network does not.
      if (i != best && feeding.normalization == Normalization::kOnce) continue;
      QUANT_TRY_ASSIGN(InputVariant variant, runs.run(*contexts[i], feeding));
      result.variants.push_back(std::move(variant));
    }
  }
  return result;
}

}  // namespace quant
