// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "quant/optimize/calibrate.h"

namespace quant {

// At most `most` (> 0) frames of a set, spread over all of it: the first frames of a sorted folder
// are of one kind. The first ones where the set does not know how many it has. Refers to `set`,
// whose place it moves: rewind() before each use. One thread.
class SpreadSet : public CalibrationSet {
 public:
  SpreadSet(CalibrationSet& set, std::int64_t most) : set_(set), most_(most) {}

  std::optional<std::int64_t> count() const override;
  Result<std::optional<std::vector<Tensor>>> next() override;
  Status rewind() override;

 private:
  CalibrationSet& set_;
  std::int64_t most_;
  std::int64_t at_ = 0;     // frames of `set_` passed
  std::int64_t given_ = 0;  // of them
};

}  // namespace quant
