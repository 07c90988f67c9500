// SPDX-License-Identifier: MIT
// What a session is told, and what it tells about itself.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "quant/device/device.h"
#include "quant/device/recovery.h"

namespace quant {

struct SessionOptions {
  DeviceOptions device;
  // For one frame, from its start on the device, and for one call to it. What takes longer is a
  // time-out.
  std::chrono::milliseconds timeout{4000};
  // For opening the device and configuring the network on it.
  std::chrono::milliseconds open_timeout{9500};
  int queue_size = 0;      // frames on their way at once; 0: as many as the device takes
  int frame_attempts = 3;  // starts of one frame before it has failed
  RecoveryLimits recovery;
  std::chrono::milliseconds health_interval{1000};  // between looks at the temperature; 0: never
  float hot_c = 100;                                // from here on a device is called hot

  // After that a call that knows its own bound, which is `timeout`, does not return any more.
  std::chrono::milliseconds patience() const {
    return timeout + std::min(timeout, std::chrono::milliseconds(1000));
  }
};

struct SessionStats {
  std::uint64_t submitted = 0;  // frames that were taken
  std::uint64_t completed = 0;  // frames with outputs
  std::uint64_t failed = 0;     // frames with an error
  std::uint64_t dropped = 0;    // frames flushed, or left over at shut-down
  // Faults by kind, those that were cured included.
  std::array<std::uint64_t, kDeviceFaultCount> faults{};
  std::uint64_t retries = 0;       // of calls that found no room
  std::uint64_t reconfigured = 0;  // times that the network was configured anew
  std::uint64_t reopened = 0;      // times that the device was opened anew
  std::uint64_t abandoned = 0;     // starts that were given up without an answer of the device
  std::uint64_t late = 0;          // outputs that came after that, which nobody saw
  std::uint64_t repeated = 0;      // answers to what had been answered before
  bool hanging = false;            // a call to the device did not return in time, and was left
};

struct SessionEvent {
  enum class Kind {
    kHot,           // the temperature has passed SessionOptions::hot_c
    kCooled,        // and has fallen five degrees below
    kReconfigured,  // the fault is cured
    kReopened,
  };
  Kind kind = Kind::kHot;
  DeviceHealth health;  // as last measured
  DeviceError fault;    // that was cured
};

}  // namespace quant
