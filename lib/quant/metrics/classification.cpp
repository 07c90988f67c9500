// SPDX-License-Identifier: MIT
#include "quant/metrics/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace quant {
namespace {

std::vector<double> probabilities(std::span<const float> scores, ClassScores kind) {
  std::vector<double> result(scores.begin(), scores.end());
  switch (kind) {
    case ClassScores::kProbabilities:
      return result;
    case ClassScores::kLogits:
      break;
  }
  const double highest = *std::max_element(result.begin(), result.end());
  for (double& value : result) value = std::exp(value - highest);
  const double total = std::accumulate(result.begin(), result.end(), 0.0);
  for (double& value : result) value /= total;
  return result;
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

void ClassifierAgreement::add(std::span<const float> reference, std::span<const float> test,
                              std::size_t classes, ClassScores kind) {
  for (std::size_t start = 0; start + classes <= reference.size(); start += classes) {
    const auto ref_row = reference.subspan(start, classes);
    const auto test_row = test.subspan(start, classes);
    if (!all_finite(ref_row) || !all_finite(test_row)) {
      ++non_finite;
      continue;
    }
    const auto ref_best = std::max_element(ref_row.begin(), ref_row.end()) - ref_row.begin();
    const auto test_best = std::max_element(test_row.begin(), test_row.end()) - test_row.begin();
    const std::vector<double> p = probabilities(ref_row, kind);
    const std::vector<double> q = probabilities(test_row, kind);
    for (std::size_t c = 0; c < classes; ++c) overlap_sum += std::min(p[c], q[c]);
    top1_equal += ref_best == test_best ? 1 : 0;
    ++samples;
  }
}

void ClassifierAgreement::merge(const ClassifierAgreement& other) {
  samples += other.samples;
  non_finite += other.non_finite;
  top1_equal += other.top1_equal;
  overlap_sum += other.overlap_sum;
}

double ClassifierAgreement::top1() const {
  return samples == 0 ? 0 : static_cast<double>(top1_equal) / static_cast<double>(samples);
}

double ClassifierAgreement::overlap() const {
  return samples == 0 ? 0 : overlap_sum / static_cast<double>(samples);
}

std::optional<std::size_t> rank_of(std::span<const float> scores, std::size_t label) {
  if (!all_finite(scores)) return std::nullopt;
  std::size_t rank = 0;
  for (std::size_t c = 0; c < scores.size(); ++c)
    if (scores[c] > scores[label] || (scores[c] == scores[label] && c < label)) ++rank;
  return rank;
}

}  // namespace quant
