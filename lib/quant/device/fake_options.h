// SPDX-License-Identifier: MIT
// How a device that is not there behaves: how its outputs lie, how exact they are, what goes wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "quant/base/result.h"
#include "quant/device/device_error.h"
#include "quant/tensor/device_layout.h"

namespace quant {

struct FakeFault {
  enum class Kind {
    kStatus,     // the frame's answer is an error
    kStart,      // start() fails
    kOpen,       // opening fails; `at` counts openings
    kConfigure,  // configuring anew fails; `at` counts those
    kLost,       // no answer, nor to any later frame until the network is configured anew
    kLate,       // the outputs come, but `late` after the frame's start
    kTwice,      // answered twice
    kReorder,    // answered after the next frame
    kHang,       // start() does not return for `hang`
    kHangStop,   // from here on shut_down() times out, and jobs are held until the destruction
  };
  Kind kind = Kind::kStatus;
  int at = 0;      // frames since the driver was made, from 0
  int status = 0;  // of kStatus, kStart, kOpen, kConfigure
};

struct FakeOptions {
  std::uint64_t seed = 1;
  DeviceOrder order = DeviceOrder::kNhwc;  // of outputs that can lie so; the others lie in NHWC
  std::int64_t align = 8;   // elements that widths (NC, F8CR: channels; FCR: both) are padded to
  bool wide = false;        // uint8 outputs as uint16, the values unchanged
  bool has_params = true;   // false: the device does not know its scales
  bool pads_input = false;  // rows of the input padded to `align` pixels
  double noise =
      0;  // variance that is added to every output, in steps²; the same for the same frame
  double jitter = 0;  // the same, but new for every run
  int queue_size = 4;
  std::chrono::microseconds delay{0};  // that a frame takes beside the computation
  std::chrono::milliseconds late{20};
  std::chrono::milliseconds hang{50};
  std::vector<FakeFault> faults;
  double fault_rate = 0;  // probability of a random fault: of a frame, opening, configuration
  int hot_from = -1;      // frames in which the device is hot; −1: never
  int hot_to = -1;
};

// "seed=7,layout=FCR,type=uint16,faults=3:lost+9:status-63": comma-separated, each with a default.
//   seed=N  layout=NAME  align=N  type=native|uint16  params=known|absent  input=dense|padded
//   noise=V  jitter=V  queue=N  delay-us=N  late-ms=N  hang-ms=N  rate=P  hot=FROM:TO
//   faults=AT:KIND+…, KIND one of status-N, start-N, open-N, configure-N, lost, late, twice,
//   reorder, hang, hang-stop
// InvalidArgument naming the option.
Result<FakeOptions> parse_fake_options(std::string_view text);

// What a device says with that status of HailoRT's, with a sentence for a person.
DeviceError fake_error(int status);

}  // namespace quant
