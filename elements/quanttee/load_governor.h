// SPDX-License-Identifier: MIT
// Keeps the time that measurements take below a share of one core.
#pragma once

#include <cstdint>
#include <mutex>

namespace quant::element {

// Thread-safe. Times are monotonic, in ns.
class LoadGovernor {
 public:
  // `max_load_percent` of one core; 0 sets no limit. A measurement with `threads` threads counts
  // that often.
  LoadGovernor(int max_load_percent, int threads);

  // Whether a measurement may begin now. Never while one is under way, unless there is no limit.
  bool may_begin(std::int64_t now_ns) const;
  // Called for every measurement that was let in.
  void begin();
  // It took `busy_ns` and ended now; or it was dropped (0).
  void end(std::int64_t now_ns, std::int64_t busy_ns);

 private:
  const int max_load_percent_;
  const int threads_;
  mutable std::mutex mutex_;
  int under_way_ = 0;
  std::int64_t next_ns_ = 0;
};

}  // namespace quant::element
