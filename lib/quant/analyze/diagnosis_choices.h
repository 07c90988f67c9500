// SPDX-License-Identifier: MIT
// The ways in which one output may have come about wrongly, each as the repair that undoes it.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "quant/analyze/diagnosis_fault.h"
#include "quant/analyze/diagnosis_search.h"
#include "quant/analyze/diagnosis_trial.h"

namespace quant {

// Faults of one stage exclude each other; those of two stages may come together.
enum class Stage { kSource, kFrame, kInput, kActivation, kWidth, kLayout, kScaling, kSaturation };

struct Choice {
  Stage stage = Stage::kSource;
  std::vector<Cause> causes;
  std::function<void(Repair&)> put_into;
};

// All choices for one output, the usual ones first, and what they point to. Valid as long as
// subjects and inputs.
class Choices {
 public:
  Choices(std::span<const DiagnosisSubject> subjects, std::size_t index,
          std::span<const InputVariant> inputs, const Trial& trial);
  Choices(const Choices&) = delete;
  Choices& operator=(const Choices&) = delete;

  std::span<const Choice> list() const { return list_; }

 private:
  void add(Stage stage, std::vector<Cause> causes, std::function<void(Repair&)> put_into) {
    list_.push_back({stage, std::move(causes), std::move(put_into)});
  }
  void add_layouts(const Trial& trial);
  void add_scalings(std::span<const DiagnosisSubject> subjects, std::size_t index);
  void add_activations();
  void add_widths(const DiagnosisSubject& subject);
  void add_sources(std::span<const DiagnosisSubject> subjects, std::size_t index);

  std::vector<Choice> list_;
  std::vector<Misreading> misreadings_;
  std::vector<Misreading> right_readings_;
  std::vector<Misscaling> misscalings_;
  std::deque<Misscaling> swapped_scalings_;
};

}  // namespace quant
