// SPDX-License-Identifier: MIT
// Every fault alone and in pairs on one output, and which of them explains it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "quant/analyze/diagnosis_fault.h"
#include "quant/analyze/diagnosis_subject.h"
#include "quant/analyze/diagnosis_trial.h"

namespace quant {

// What the network makes of a wrong input, for every output by its position among the subjects;
// empty where it has no such output.
struct InputVariant {
  std::vector<Cause> causes;
  std::vector<std::vector<std::vector<float>>> outputs;  // frames by pixel
};

// One way that was tried, by how much of the signal it brings back.
struct Candidate {
  std::vector<Cause> causes;
  Outcome outcome;
};

struct SearchResult {
  Outcome before;
  // What explains the output, best first: those behind the first cannot be told from it by these
  // data. Empty where nothing explains it.
  std::vector<Candidate> explanations;
  // The best that were tried, explanation or not; at most kTried.
  std::vector<Candidate> tried;
};

// A fault is named where it brings back so much, and to at least that level; a pair where it is so
// much better than every single fault.
inline constexpr double kLeastGainDb = 6;
inline constexpr double kLeastLevelDb = 10;
// And it must explain what varies, not only what is constant.
inline constexpr double kLeastDetailDb = 4;
// Above this nothing is better than anything else.
inline constexpr double kAsGoodAsExactDb = 80;
// Outcomes so close are not told apart.
inline constexpr double kSameDb = 0.5;
inline constexpr std::size_t kTried = 5;

// Of subjects[index], among the other outputs of its network. Reentrant.
SearchResult search(std::span<const DiagnosisSubject> subjects, std::size_t index,
                    std::span<const InputVariant> inputs);

}  // namespace quant
