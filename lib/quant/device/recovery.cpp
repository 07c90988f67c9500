// SPDX-License-Identifier: MIT
#include "quant/device/recovery.h"

#include <algorithm>

namespace quant {
namespace {

Cure first_cure(DeviceFault fault, bool cured_before) {
  switch (fault) {
    case DeviceFault::kQueueFull:
    case DeviceFault::kUnavailable:
      return Cure::kTryAgain;
    // The pipeline on the device stays broken until the network is configured anew.
    case DeviceFault::kTimeout:
    case DeviceFault::kOther:
      return cured_before ? Cure::kReopen : Cure::kReconfigure;
    // Nobody asked for it: the device has closed its streams, as it does when too hot.
    case DeviceFault::kAborted:
    case DeviceFault::kServiceFailed:
      return Cure::kReopen;
    case DeviceFault::kDisconnected:
    case DeviceFault::kBusy:
    case DeviceFault::kNoDevice:
    case DeviceFault::kDriverMissing:
    case DeviceFault::kVersionMismatch:
    case DeviceFault::kWrongArchitecture:
    case DeviceFault::kInvalidModel:
    case DeviceFault::kModelTooNew:
    case DeviceFault::kUnsupported:
    case DeviceFault::kInvalidUse:
    case DeviceFault::kOutOfMemory:
      return Cure::kNone;
  }
  return Cure::kNone;
}

}  // namespace

std::chrono::milliseconds Recovery::pause_after(int times) const {
  constexpr int kGreatestShift = 16;
  return std::min(limits_.pause * (1 << std::min(times, kGreatestShift)), limits_.longest_pause);
}

Recovery::Step Recovery::next(DeviceFault fault) {
  const Cure cure = first_cure(fault, cures_ > 0);
  if (cure == Cure::kNone) return {};
  if (cure == Cure::kTryAgain) {
    if (retries_ >= limits_.retries) return {};
    return {cure, pause_after(retries_++)};
  }
  if (fault == DeviceFault::kServiceFailed) {
    if (service_restarted_) return {};
    service_restarted_ = true;
  }
  if (cures_ >= limits_.cures) return {};
  const int before = cures_++;
  return {cure, before == 0 ? std::chrono::milliseconds(0) : pause_after(before - 1)};
}

void Recovery::succeeded() {
  retries_ = 0;
  cures_ = 0;
  service_restarted_ = false;
}

}  // namespace quant
