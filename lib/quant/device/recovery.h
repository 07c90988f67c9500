// SPDX-License-Identifier: MIT
// What to do about a device's fault: a decision only, which a session carries out.
#pragma once

#include <chrono>

#include "quant/device/device_error.h"

namespace quant {

enum class Cure {
  kTryAgain,     // the same call once more
  kReconfigure,  // the network anew on the device that is open
  kReopen,       // the device itself anew
  kNone,         // nothing that a program could do
};

struct RecoveryLimits {
  int retries = 6;  // of calls that found no room, in a row
  int cures = 4;    // reconfigurations and re-openings without a finished frame between them
  // Waited before the second retry or cure in a row (the first cure comes at once); then doubled
  // each time up to the greatest.
  std::chrono::milliseconds pause{50};
  std::chrono::milliseconds longest_pause{1000};
};

// One thread at a time.
class Recovery {
 public:
  struct Step {
    Cure cure = Cure::kNone;
    std::chrono::milliseconds pause{0};  // before it
  };

  explicit Recovery(const RecoveryLimits& limits) : limits_(limits) {}

  Step next(DeviceFault fault);
  // A frame was finished: the device is well, and counting begins anew.
  void succeeded();

 private:
  std::chrono::milliseconds pause_after(int times) const;

  RecoveryLimits limits_;
  int retries_ = 0;
  int cures_ = 0;
  bool service_restarted_ = false;
};

}  // namespace quant
