// SPDX-License-Identifier: MIT
// What HailoRT's status codes mean for a session, and what a person can do about them.
#pragma once

#include <string>
#include <string_view>

#include "quant/device/device_error.h"

namespace quant::hailort {

// What a message can name beside the status; empty or 0 where it is not known.
struct Place {
  std::string device;        // id, or empty for "any"
  std::string library;       // "4.23.0"
  std::string driver;        // "hailo_pci 4.22.0"
  std::string architecture;  // of the device: "HAILO8L"
  std::string model;         // path of the compiled network
  long page_size = 0;        // of the kernel, in bytes
};

// `status` by number, as the newest of the libraries that are supported defines it (older ones lack
// the last). `doing` completes "while …": "configuring the network". `status_text` is the library's
// own word for it. Precondition: status ≠ 0. Reentrant.
DeviceError to_device_error(int status, std::string_view status_text, std::string_view doing,
                            const Place& place);

}  // namespace quant::hailort
