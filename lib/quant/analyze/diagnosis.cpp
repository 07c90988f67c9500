// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis.h"

#include <algorithm>
#include <map>

namespace quant {
namespace {

// Where an output leaves a choice, the others may not: one fault is likelier than two.
void prefer_common_explanations(std::vector<OutputDiagnosis>& outputs) {
  std::map<std::string, int> votes;
  for (const OutputDiagnosis& output : outputs) {
    for (const Candidate& candidate : output.search.explanations) ++votes[ids_of(candidate.causes)];
  }
  for (OutputDiagnosis& output : outputs) {
    auto& explanations = output.search.explanations;
    std::stable_sort(explanations.begin(), explanations.end(),
                     [&](const Candidate& a, const Candidate& b) {
                       if (a.causes.size() != b.causes.size())
                         return a.causes.size() < b.causes.size();
                       return votes[ids_of(a.causes)] > votes[ids_of(b.causes)];
                     });
  }
}

std::vector<UntestedFaults> untested_faults(std::span<const DiagnosisSubject> subjects,
                                            std::span<const InputVariant> inputs) {
  std::vector<UntestedFaults> untested;
  const bool any_params = std::any_of(subjects.begin(), subjects.end(), [](const auto& subject) {
    return subject.params.has_value();
  });
  if (!any_params) {
    untested.push_back(
        {"quantization parameters", "scales and zero points are not known (--model or --params)"});
  }
  if (subjects.size() < 2) {
    untested.push_back({"outputs swapped, parameters of another output", "there is one output"});
  }
  if (!subjects.empty() && subjects.front().reference.size() < 2)
    untested.push_back({"stale frame", "there is one frame"});
  if (inputs.empty()) {
    untested.push_back({"colour order, normalization, resize",
                        "they need the model and its frames (--model and --images)"});
  }
  return untested;
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAgree:
      return "agree";
    case Verdict::kExplained:
      return "explained";
    case Verdict::kNone:
      return "none of these";
  }
  return "unknown";
}

Diagnosis diagnose(std::span<const DiagnosisSubject> subjects,
                   std::span<const InputVariant> inputs) {
  Diagnosis diagnosis;
  if (!subjects.empty())
    diagnosis.frames = static_cast<std::int64_t>(subjects.front().reference.size());
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    OutputDiagnosis output;
    output.name = subjects[i].name;
    output.search = search(subjects, i, inputs);
    output.residual = analyze_residual(subjects[i], Trial(subjects[i]).as_read());
    if (output.search.before.db() >= kAsGoodAsExactDb) {
      output.verdict = Verdict::kAgree;
    } else if (!output.search.explanations.empty()) {
      output.verdict = Verdict::kExplained;
    }
    diagnosis.outputs.push_back(std::move(output));
  }
  prefer_common_explanations(diagnosis.outputs);
  diagnosis.untested = untested_faults(subjects, inputs);
  return diagnosis;
}

}  // namespace quant
