// SPDX-License-Identifier: MIT
#include "quant/device/device_error.h"

#include <fmt/format.h>

#include <utility>

namespace quant {
namespace {

ErrorCode error_code(DeviceFault fault) {
  switch (fault) {
    case DeviceFault::kInvalidModel:
      return ErrorCode::kInvalidData;
    case DeviceFault::kWrongArchitecture:
    case DeviceFault::kModelTooNew:
    case DeviceFault::kUnsupported:
      return ErrorCode::kUnsupported;
    case DeviceFault::kNoDevice:
      return ErrorCode::kNotFound;
    case DeviceFault::kInvalidUse:
    case DeviceFault::kOther:
      return ErrorCode::kInternal;
    case DeviceFault::kTimeout:
    case DeviceFault::kAborted:
    case DeviceFault::kQueueFull:
    case DeviceFault::kUnavailable:
    case DeviceFault::kDisconnected:
    case DeviceFault::kBusy:
    case DeviceFault::kDriverMissing:
    case DeviceFault::kVersionMismatch:
    case DeviceFault::kServiceFailed:
    case DeviceFault::kOutOfMemory:
      return ErrorCode::kUnavailable;
  }
  return ErrorCode::kInternal;
}

}  // namespace

const char* to_string(DeviceFault fault) {
  switch (fault) {
    case DeviceFault::kTimeout:
      return "time-out";
    case DeviceFault::kAborted:
      return "aborted";
    case DeviceFault::kQueueFull:
      return "queue full";
    case DeviceFault::kUnavailable:
      return "unavailable";
    case DeviceFault::kDisconnected:
      return "disconnected";
    case DeviceFault::kBusy:
      return "busy";
    case DeviceFault::kNoDevice:
      return "no device";
    case DeviceFault::kDriverMissing:
      return "no driver";
    case DeviceFault::kVersionMismatch:
      return "version mismatch";
    case DeviceFault::kServiceFailed:
      return "service failed";
    case DeviceFault::kWrongArchitecture:
      return "wrong architecture";
    case DeviceFault::kInvalidModel:
      return "invalid model";
    case DeviceFault::kModelTooNew:
      return "model too new";
    case DeviceFault::kUnsupported:
      return "unsupported";
    case DeviceFault::kInvalidUse:
      return "invalid use";
    case DeviceFault::kOutOfMemory:
      return "out of memory";
    case DeviceFault::kOther:
      return "other";
  }
  return "other";
}

FaultError to_error(DeviceError error, const std::string& context) {
  std::string message = std::move(error.message);
  if (error.status != 0) message += fmt::format(" (status {})", error.status);
  return {{error_code(error.fault), std::move(message), context}, error.fault};
}

}  // namespace quant
