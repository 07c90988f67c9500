// SPDX-License-Identifier: MIT
#include "quant/optimize/part_of_set.h"

namespace quant {

PartOfSet::PartOfSet(CalibrationSet& set, std::int64_t stride, SetPart part)
    : set_(set), stride_(stride), part_(part) {}

std::optional<std::int64_t> PartOfSet::count() const {
  const auto all = set_.count();
  if (!all) return all;
  const std::int64_t judging = *all / stride_;
  return part_ == SetPart::kJudging ? judging : *all - judging;
}

Result<std::optional<std::vector<Tensor>>> PartOfSet::next() {
  for (;;) {
    QUANT_TRY_ASSIGN(std::optional<std::vector<Tensor>> frame, set_.next());
    const bool judges = ++at_ % stride_ == 0;
    if (!frame || judges == (part_ == SetPart::kJudging)) return frame;
  }
}

Status PartOfSet::rewind() {
  at_ = 0;
  return set_.rewind();
}

}  // namespace quant
