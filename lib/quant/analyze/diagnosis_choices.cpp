// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quant {
namespace {

// So many pixels tell one arrangement from another.
constexpr std::int64_t kArrangementSample = 512;

// Where a reading finds the sampled elements; readings that agree are one.
std::vector<std::int64_t> arrangement(const Trial& trial, const Misreading* layout,
                                      std::span<const PixelSample> samples) {
  std::vector<std::int64_t> places;
  const bool channels_matter = trial.subject().params && trial.subject().params->per_channel() &&
                               !trial.subject().suspect.integers();
  for (const PixelSample& sample : samples) {
    for (std::int64_t c = 0; c < trial.subject().extent.channels; ++c) {
      const auto place = trial.place(layout, trial.filed(), {sample.h, sample.w, c});
      places.push_back(place ? static_cast<std::int64_t>(place->index) : -1);
      if (channels_matter) places.push_back(place ? place->channel : -1);
    }
  }
  return places;
}

}  // namespace

Choices::Choices(std::span<const DiagnosisSubject> subjects, std::size_t index,
                 std::span<const InputVariant> inputs, const Trial& trial) {
  const DiagnosisSubject& subject = subjects[index];
  add_layouts(trial);
  add_scalings(subjects, index);
  add_activations();
  add_widths(subject);
  add_sources(subjects, index);
  if (subject.reference.size() > 1) {
    add(Stage::kFrame, {{Fault::kStaleFrame, "every frame has the result of the frame before it"}},
        [](Repair& repair) { repair.shift = 1; });
    add(Stage::kFrame, {{Fault::kStaleFrame, "every frame has the result of the frame behind it"}},
        [](Repair& repair) { repair.shift = -1; });
  }
  add(Stage::kSaturation, {{Fault::kSaturation, "values end at a bound that the reference passes"}},
      [](Repair& repair) { repair.saturation = true; });
  for (const InputVariant& input : inputs) {
    const auto& frames = input.outputs[index];
    if (frames.empty()) continue;
    add(Stage::kInput, input.causes, [&frames](Repair& repair) { repair.reference = &frames; });
  }
}

void Choices::add_layouts(const Trial& trial) {
  const DiagnosisSubject& subject = trial.subject();
  const auto samples = trial.sample(kArrangementSample);
  std::set<std::vector<std::int64_t>> known = {arrangement(trial, nullptr, samples)};
  // Whole misreadings first: of two that agree, the one with fewer causes is kept.
  std::vector<Misreading> all = misreadings(subject.extent, trial.filed());
  std::stable_sort(all.begin(), all.end(), [](const Misreading& a, const Misreading& b) {
    return a.causes.size() < b.causes.size();
  });
  for (Misreading& misreading : all) {
    if (known.insert(arrangement(trial, &misreading, samples)).second)
      misreadings_.push_back(std::move(misreading));
  }
  for (const Misreading& misreading : misreadings_) {
    add(Stage::kLayout, misreading.causes,
        [&misreading](Repair& repair) { repair.layout = &misreading; });
  }
}

void Choices::add_scalings(std::span<const DiagnosisSubject> subjects, std::size_t index) {
  const DiagnosisSubject& subject = subjects[index];
  if (!subject.params || subject.suspect.integers()) return;
  std::vector<NamedParams> others;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (i != index && subjects[i].params) others.push_back({subjects[i].name, *subjects[i].params});
  }
  misscalings_ = misscalings(*subject.params, subject.extent.channels, others);
  for (const Misscaling& misscaling : misscalings_) {
    add(Stage::kScaling, misscaling.causes,
        [&misscaling](Repair& repair) { repair.scaling = &misscaling; });
  }
}

void Choices::add_activations() {
  for (const OutputActivation activation : {OutputActivation::kSigmoid, OutputActivation::kSoftmax,
                                            OutputActivation::kRelu, OutputActivation::kTanh}) {
    add(Stage::kActivation,
        {{Fault::kActivationMissing, fmt::format("the {} was not applied", to_string(activation))}},
        [activation](Repair& repair) { repair.apply = activation; });
    // A second ReLU changes nothing.
    if (activation == OutputActivation::kRelu) continue;
    add(Stage::kActivation,
        {{Fault::kActivationTwice, fmt::format("the {} was applied twice", to_string(activation))}},
        [activation](Repair& repair) { repair.undo = activation; });
  }
}

void Choices::add_widths(const DiagnosisSubject& subject) {
  right_readings_ = right_readings(subject.extent);
  const auto add_width = [&](const Misreading* layout) {
    add(Stage::kWidth, {{Fault::kRead16As8, "16-bit integers were read as bytes"}},
        [layout](Repair& repair) {
          repair.width = ElementWidth::k16As8;
          if (repair.layout == nullptr) repair.layout = layout;
        });
    // A device that is known to have 16 bits has no 8.
    if (subject.params && subject.params->type == DataType::kUint16) return;
    add(Stage::kWidth, {{Fault::kRead8As16, "8-bit integers were read two at a time as 16 bits"}},
        [layout](Repair& repair) {
          repair.width = ElementWidth::k8As16;
          if (repair.layout == nullptr) repair.layout = layout;
        });
  };
  add_width(nullptr);
  for (const Misreading& reading : right_readings_) add_width(&reading);
}

void Choices::add_sources(std::span<const DiagnosisSubject> subjects, std::size_t index) {
  const DiagnosisSubject& subject = subjects[index];
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (i == index) continue;
    const DiagnosisSubject& other = subjects[i];
    const std::vector<Cause> causes = {
        {Fault::kOutputsSwapped,
         fmt::format("the tensor of '{}' stands in the place of '{}'", subject.name, other.name)}};
    const Recording* const recording = &other.suspect;
    add(Stage::kSource, causes, [recording](Repair& repair) { repair.source = recording; });
    // Where the program swapped before it dequantized, each output was given the other's
    // parameters.
    if (!other.params || !subject.params || recording->integers() ||
        (other.params->per_channel() &&
         static_cast<std::int64_t>(other.params->scale.size()) < subject.extent.channels))
      continue;
    swapped_scalings_.push_back(scaling_of(*other.params));
    const Misscaling* const scaling = &swapped_scalings_.back();
    add(Stage::kSource, causes, [recording, scaling](Repair& repair) {
      repair.source = recording;
      if (repair.scaling == nullptr) repair.scaling = scaling;
    });
  }
}

}  // namespace quant
