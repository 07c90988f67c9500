// SPDX-License-Identifier: MIT
#include "quant/optimize/spread_set.h"

#include <algorithm>

namespace quant {

std::optional<std::int64_t> SpreadSet::count() const {
  const auto all = set_.count();
  return all ? std::optional(std::min(*all, most_)) : std::nullopt;
}

Result<std::optional<std::vector<Tensor>>> SpreadSet::next() {
  const std::int64_t all = set_.count().value_or(0);
  while (given_ < most_) {
    QUANT_TRY_ASSIGN(auto frame, set_.next());
    if (!frame) break;
    ++at_;
    if (all > most_ && at_ * most_ / all == given_) continue;
    ++given_;
    return frame;
  }
  return std::nullopt;
}

Status SpreadSet::rewind() {
  at_ = 0;
  given_ = 0;
  return set_.rewind();
}

}  // namespace quant
