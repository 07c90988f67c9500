// SPDX-License-Identifier: MIT
// How often each real value occurs, float and quantized, in the same bins.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/metrics/bin_counts.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// Equal bins from `from` on, each `width` wide, in real values. A bin holds whole integers: float
// values and the integers that they round to are in the same one. All integers are covered, and
// all float values.
struct ValueHistogram {
  double from = 0;
  double width = 0;
  std::vector<std::int64_t> native;     // finite float values
  std::vector<std::int64_t> quantized;  // as many bins
};

// Counts float values by the integer that stands for them, those beyond the integers' range too: in
// 64 bins over that range, and bins of the same width outside. Values far outside double the width,
// so that there are never more than kMostBins. One thread.
class StepHistogram {
 public:
  static constexpr std::int64_t kMostBins = BinRule::kMostBins;

  // `levels`: 256 or 65536, how many integers there are.
  explicit StepHistogram(int levels);

  // A value v lies at integer steps_per_value · v + zero_point; non-finite ones are left out.
  // Precondition: steps_per_value finite.
  void add(std::span<const float> values, double steps_per_value, double zero_point);

  // `integers`: counts of the quantized values by their upper eight bits.
  ValueHistogram finish(const QuantParams& params,
                        const std::array<std::int64_t, 256>& integers) const;

 private:
  void make_room(const BinCounts& found);
  void widen();

  int levels_;
  double width_;            // of a bin, in steps
  std::int64_t first_ = 0;  // bin i holds integers from (first_ + i) · width_ on
  std::vector<std::int64_t> counts_;
};

}  // namespace quant
