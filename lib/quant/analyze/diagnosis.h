// SPDX-License-Identifier: MIT
// Why two sets of tensors that should agree do not: which fault, or which two, made the one of the
// other. docs/diagnose.md is the same for people.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quant/analyze/diagnosis_residual.h"
#include "quant/analyze/diagnosis_search.h"
#include "quant/analyze/diagnosis_subject.h"

namespace quant {

enum class Verdict {
  kAgree,      // no difference, or next to none
  kExplained,  // by one fault or two
  kNone,       // none of these
};

const char* to_string(Verdict verdict);  // "agree", "explained", "none of these"

struct OutputDiagnosis {
  std::string name;
  Verdict verdict = Verdict::kNone;
  SearchResult search;  // the explanation that serves most outputs first
  Residual residual;    // of the suspect as it was read
};

// A fault that these data cannot show, and why.
struct UntestedFaults {
  std::string faults;
  std::string reason;
};

struct Diagnosis {
  std::int64_t frames = 0;
  std::vector<OutputDiagnosis> outputs;
  std::vector<UntestedFaults> untested;
};

// `inputs` may be empty. Precondition: the subjects have equally many frames. Reentrant.
Diagnosis diagnose(std::span<const DiagnosisSubject> subjects,
                   std::span<const InputVariant> inputs);

}  // namespace quant
