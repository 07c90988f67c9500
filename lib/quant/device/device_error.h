// SPDX-License-Identifier: MIT
// Why an accelerator failed. Its kind alone decides what a session does about it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "quant/base/result.h"

namespace quant {

enum class DeviceFault {
  kTimeout,            // no answer within the bound; it sticks until the network is configured anew
  kAborted,            // aborted: as asked for, or because the device closed its streams (heat)
  kQueueFull,          // no room for another frame now
  kUnavailable,        // not now: a shared device that is being taken over
  kDisconnected,       // unplugged, or the link is lost
  kBusy,               // another process has it
  kNoDevice,           // none there, or none of that id
  kDriverMissing,      // the kernel module is not loaded
  kVersionMismatch,    // driver, library, firmware or service do not belong together
  kServiceFailed,      // the process that shares the device does not answer
  kWrongArchitecture,  // the network was compiled for another chip
  kInvalidModel,       // the compiled network is damaged
  kModelTooNew,        // the compiled network needs a newer library
  kUnsupported,        // well-formed, but this device or library cannot do it
  kInvalidUse,         // a call or a buffer that is not allowed: a bug of ours
  kOutOfMemory,        // of the host or of the device
  kOther,
};
inline constexpr std::size_t kDeviceFaultCount = static_cast<std::size_t>(DeviceFault::kOther) + 1;

// "time-out", "aborted", …: for messages and statistics.
const char* to_string(DeviceFault fault);

struct DeviceError {
  DeviceFault fault = DeviceFault::kOther;
  int status = 0;  // the vendor's number; 0 where there is none
  // What happened and, where somebody can mend it, how: one or two sentences for a person.
  std::string message;
};

// An Error that knows which fault of a device is behind it, where one is.
struct FaultError : Error {
  // Implicit: any Error may stand where a device's may.
  FaultError(Error error, std::optional<DeviceFault> behind = std::nullopt)  // NOLINT
      : Error(std::move(error)), fault(behind) {}

  std::optional<DeviceFault> fault;
};

// `context` names the device or the property. NotFound, InvalidData, Unsupported, InvalidArgument
// and Internal where the fault says so, else Unavailable.
FaultError to_error(DeviceError error, const std::string& context);

template <typename T>
class [[nodiscard]] DeviceResult : public tl::expected<T, DeviceError> {
 public:
  using tl::expected<T, DeviceError>::expected;
  using tl::expected<T, DeviceError>::operator=;
};

inline tl::unexpected<DeviceError> device_fail(DeviceFault fault, std::string message,
                                               int status = 0) {
  return tl::unexpected<DeviceError>(DeviceError{fault, status, std::move(message)});
}

}  // namespace quant
