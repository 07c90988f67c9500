// SPDX-License-Identifier: MIT
// Classifiers: how far two agree in the decision (top-1) and the confidence (softmax), and, where
// there are labels, whether one is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace quant {

enum class ClassScores {
  kLogits,         // softmax is taken here, in double
  kProbabilities,  // the model ends in a softmax already
};

// Sums over samples; mergeable.
struct ClassifierAgreement {
  std::int64_t samples = 0;
  std::int64_t non_finite = 0;  // samples left out: a NaN or an infinity on either side
  std::int64_t top1_equal =
      0;                   // samples whose largest score has the same index (the first of equals)
  double overlap_sum = 0;  // Σ over samples of Σ_c min(p_ref[c], p_test[c])

  // Rows of `classes` scores, one row a sample. Preconditions: equal sizes, a multiple of classes,
  // classes > 0.
  void add(std::span<const float> reference, std::span<const float> test, std::size_t classes,
           ClassScores kind);
  void merge(const ClassifierAgreement& other);

  // Share of samples with the same decision, 0…1; 0 where there are none.
  double top1() const;
  // Mean common probability mass, 0…1 (1 − total variation distance); 1 where all are identical.
  double overlap() const;

  bool operator==(const ClassifierAgreement&) const = default;
};

// How many classes the scores put before `label`, the first of equals first: 0 is right by top-1,
// below 5 by top-5. Nothing where a score is NaN or infinite. Precondition: label < scores.size().
std::optional<std::size_t> rank_of(std::span<const float> scores, std::size_t label);

}  // namespace quant
