// SPDX-License-Identifier: MIT
// What is left between reference and suspect where no fault explains it: figures, and what they
// resemble.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/analyze/diagnosis_subject.h"

namespace quant {

struct ChannelNoise {
  std::int64_t channel = 0;
  double share = 0;  // of all noise
  double bias = 0;   // mean (suspect − reference)
  double gain = 1;   // slope of suspect over reference
};

// Over all frames; differences are suspect − reference.
struct Residual {
  double rms = 0;
  double bias = 0;
  double correlation = 0;  // of suspect and reference
  // The straight line through suspect over reference, and what remains without it, in dB of the
  // reference; the same with a line per channel.
  double gain = 1;
  double offset = 0;
  double line_db = 0;
  double channel_lines_db = 0;
  double equal_share = 0;       // elements that are equal
  std::int64_t non_finite = 0;  // elements of the suspect
  double tails = 0;             // kurtosis: 1.8 uniform, 3 normal, more: few large ones
  std::optional<double> steps;  // rms by the quantization step
  double neighbours = 0;        // correlation of differences of horizontal neighbours
  double border = 1;            // noise a pixel at the border by that inside
  double corners = 1;           // in the corners (an eighth of each side) likewise
  double row_share = 0;         // noise of the worst row and column
  double column_share = 0;
  std::int64_t worst_row = 0;
  std::int64_t worst_column = 0;
  std::int64_t period = 0;  // of noise along rows or columns; 0: none
  bool period_of_columns = false;
  double at_least = 0;  // share of the suspect at its least and greatest value
  double at_greatest = 0;
  std::int64_t shift_x = 0;  // shift of the picture that agrees best
  std::int64_t shift_y = 0;
  double shift_db = 0;
  std::vector<ChannelNoise> channels;  // worst first, at most kWorstChannels
  std::string resembles;               // one sentence
};

inline constexpr std::size_t kWorstChannels = 5;

// `suspect`: frames by pixel, of the extent of the subject. Precondition: as many frames as there
// are in the reference, or fewer.
Residual analyze_residual(const DiagnosisSubject& subject,
                          std::span<const std::vector<float>> suspect);

}  // namespace quant
