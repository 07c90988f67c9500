// SPDX-License-Identifier: MIT
#include "quanttee/load_governor.h"

namespace quant::element {

LoadGovernor::LoadGovernor(int max_load_percent, int threads)
    : max_load_percent_(max_load_percent), threads_(threads) {}

bool LoadGovernor::may_begin(std::int64_t now_ns) const {
  if (max_load_percent_ == 0) return true;
  const std::lock_guard lock(mutex_);
  return under_way_ == 0 && now_ns >= next_ns_;
}

void LoadGovernor::begin() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
}

void LoadGovernor::end(std::int64_t now_ns, std::int64_t busy_ns) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  if (max_load_percent_ == 0) return;
  // Busy for B of a period P is a load of B/P: the next one may begin at P after this one's
  // beginning.
  const double period_ns =
      static_cast<double>(busy_ns) * threads_ * 100.0 / static_cast<double>(max_load_percent_);
  const std::int64_t begin_ns = now_ns - busy_ns;
  next_ns_ = begin_ns + static_cast<std::int64_t>(period_ns);
}

}  // namespace quant::element
