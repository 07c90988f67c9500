// SPDX-License-Identifier: MIT
// A calibration set in two parts: frames that something is learned from, and frames to judge it by.
#pragma once

#include <cstdint>

#include "quant/optimize/calibrate.h"

namespace quant {

enum class SetPart { kLearning, kJudging };

// Every `stride`-th frame judges, from the stride-th on, so that a sorted set is not judged by one
// end of it; the others learn. Refers to `set`, whose place it moves: rewind() before each use.
// One thread.
class PartOfSet : public CalibrationSet {
 public:
  // `stride` at least 2.
  PartOfSet(CalibrationSet& set, std::int64_t stride, SetPart part);

  std::optional<std::int64_t> count() const override;
  Result<std::optional<std::vector<Tensor>>> next() override;
  Status rewind() override;

 private:
  CalibrationSet& set_;
  std::int64_t stride_;
  SetPart part_;
  std::int64_t at_ = 0;  // frames of `set_` passed
};

}  // namespace quant
