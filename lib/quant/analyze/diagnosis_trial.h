// SPDX-License-Identifier: MIT
// What becomes of an output's signal-to-noise ratio if the suspect came about in a certain way and
// that is repaired.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "quant/analyze/diagnosis_activations.h"
#include "quant/analyze/diagnosis_layouts.h"
#include "quant/analyze/diagnosis_scalings.h"
#include "quant/analyze/diagnosis_subject.h"
#include "quant/metrics/snr.h"

namespace quant {

// How integers were taken from bytes.
enum class ElementWidth { kRight, k16As8, k8As16 };

// A way in which the suspect may have come about. What is empty was right. Pointers are borrowed.
struct Repair {
  const Recording* source = nullptr;  // the tensor of another output
  int shift = 0;                      // frame f of the reference is frame f + shift here
  // What the network makes of another input, in place of the reference.
  const std::vector<std::vector<float>>* reference = nullptr;
  std::optional<OutputActivation> undo;   // was applied once too often
  std::optional<OutputActivation> apply;  // was not applied
  ElementWidth width = ElementWidth::kRight;
  const Misreading* layout = nullptr;
  const Misscaling* scaling = nullptr;
  bool saturation = false;  // the reference is clipped where the suspect is
};

struct PixelSample {
  std::size_t frame = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;
};

struct Outcome {
  OutputError error;
  double share = 0;      // of the asked elements that could be compared
  double variation = 0;  // of the reference around the mean of each channel
  bool flat = false;     // the reference was clipped to next to nothing: anything agrees

  // For comparison of outcomes: exact is kExactDb, what cannot be compared kNothingDb.
  static constexpr double kExactDb = 200;
  static constexpr double kNothingDb = -200;
  double db() const;
  // How much better the suspect is than every channel's mean: much of a signal may be in constants,
  // which say nothing about a fault. 0 and less of unrelated content.
  double detail_db() const;
};

// One thread.
class Trial {
 public:
  // Of what can be compared less than this share of the elements, nothing is said.
  static constexpr double kLeastShare = 0.2;

  explicit Trial(const DiagnosisSubject& subject);

  const DiagnosisSubject& subject() const { return subject_; }
  const DeviceLayout& filed() const { return filed_; }
  // Whole pixels, about so many elements, spread over all frames, the same at every call; all of
  // them where there are no more.
  std::vector<PixelSample> sample(std::int64_t elements) const;
  Outcome run(const Repair& repair, std::span<const PixelSample> samples);
  // Noise of the suspect as it was read, at the elements that the last run compared; nothing where
  // it has none there.
  std::optional<double> noise_as_read(std::span<const PixelSample> samples) const;
  // The suspect by pixel, as the file's shape and the right parameters say; NaN where it has no
  // element.
  std::vector<std::vector<float>> as_read() const;
  // Reference and repaired suspect of the last run, whole pixels (but for elements left out).
  std::span<const float> expected() const { return expected_; }
  std::span<const float> repaired() const { return repaired_; }

  // Where a reading finds an element: index in the file, and the channel that the reader thought it
  // had.
  struct Place {
    std::size_t index = 0;
    std::int64_t channel = 0;
  };
  std::optional<Place> place(const Misreading* layout, const DeviceLayout& filed,
                             const PixelChannel& at) const;

 private:
  struct Source {
    const Recording* recording = nullptr;
    OrientedLayout filed;
  };

  std::optional<Place> place_of(const Misreading* layout, const OrientedLayout& filed,
                                std::int64_t memory, std::int64_t channel) const;
  std::optional<float> read(const Repair& repair, const Source& source,
                            const std::vector<float>& data, const PixelChannel& at) const;
  double integer(const Repair& repair, const Source& source, float value,
                 std::int64_t channel) const;
  const Recording& undone(const Recording& recording, OutputActivation activation);
  void clip_reference();

  const DiagnosisSubject& subject_;
  DeviceLayout filed_;
  std::optional<Misscaling> right_;
  std::map<std::pair<const Recording*, OutputActivation>, Recording> undone_;
  std::vector<float> expected_;
  std::vector<float> repaired_;
  std::vector<std::size_t> compared_;  // sample · channels + channel, of each of them
  std::vector<float> unactivated_;     // repaired, before an activation is applied
};

}  // namespace quant
