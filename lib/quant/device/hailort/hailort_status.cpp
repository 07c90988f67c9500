// SPDX-License-Identifier: MIT
#include "quant/device/hailort/hailort_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace quant::hailort {
namespace {

constexpr long kUsualPageSize = 4096;

// By number, not by the header's names: codes above 93 are missing from the 4.x headers, and what
// they mean is the same wherever they exist.
struct StatusFault {
  int status;
  DeviceFault fault;
};

constexpr StatusFault kFaults[] = {
    {2, DeviceFault::kInvalidUse},
    {3, DeviceFault::kOutOfMemory},
    {4, DeviceFault::kTimeout},
    {5, DeviceFault::kInvalidUse},
    {6, DeviceFault::kInvalidUse},
    {7, DeviceFault::kUnsupported},
    {9, DeviceFault::kInvalidUse},
    {13, DeviceFault::kInvalidModel},
    {16, DeviceFault::kVersionMismatch},  // firmware
    {26, DeviceFault::kInvalidModel},     // or another architecture, up to 4.20
    {36, DeviceFault::kDisconnected},     // ENODEV and ENXIO of the driver end here
    {47, DeviceFault::kOutOfMemory},      // descriptors
    {57, DeviceFault::kAborted},
    {62, DeviceFault::kDisconnected},
    {63, DeviceFault::kAborted},
    {64, DeviceFault::kDriverMissing},
    {71, DeviceFault::kOutOfMemory},
    {73, DeviceFault::kBusy},
    {74, DeviceFault::kBusy},  // none left; none at all is told apart by who opens
    {75, DeviceFault::kWrongArchitecture},
    {76, DeviceFault::kVersionMismatch},  // driver
    {77, DeviceFault::kServiceFailed},
    {78, DeviceFault::kVersionMismatch},  // service
    {79, DeviceFault::kUnsupported},
    {81, DeviceFault::kOutOfMemory},
    {82, DeviceFault::kQueueFull},
    {85, DeviceFault::kVersionMismatch},  // driver
    {86, DeviceFault::kVersionMismatch},  // driver
    {87, DeviceFault::kTimeout},
    {89, DeviceFault::kServiceFailed},
    {90, DeviceFault::kAborted},
    {91, DeviceFault::kInvalidModel},
    {92, DeviceFault::kModelTooNew},
    {93, DeviceFault::kWrongArchitecture},
    {95, DeviceFault::kAborted},
    {96, DeviceFault::kDisconnected},
    {97, DeviceFault::kUnavailable},
};

DeviceFault fault_of(int status) {
  const auto* found =
      std::find_if(std::begin(kFaults), std::end(kFaults),
                   [&](const StatusFault& known) { return known.status == status; });
  return found == std::end(kFaults) ? DeviceFault::kOther : found->fault;
}

std::string device_name(const Place& place) {
  return place.device.empty() ? "the device" : "device " + place.device;
}

std::string model_name(const Place& place) {
  return place.model.empty() ? "the compiled network" : place.model;
}

std::string versions(const Place& place) {
  return fmt::format("library {}, driver {}", place.library.empty() ? "unknown" : place.library,
                     place.driver.empty() ? "unknown" : place.driver);
}

// One sentence that says what to do, or nothing where nobody can do anything.
std::string cure(int status, DeviceFault fault, const Place& place) {
  switch (fault) {
    case DeviceFault::kTimeout:
      return status == 87
                 ? fmt::format("{} may need a reset: power it off, or reboot", device_name(place))
                 : fmt::format("{} gave no answer in time", device_name(place));
    case DeviceFault::kAborted:
      return fmt::format("the streams of {} were aborted; too much heat closes them as well",
                         device_name(place));
    case DeviceFault::kQueueFull:
      return {};
    case DeviceFault::kUnavailable:
      return fmt::format("{} cannot be had for the moment", device_name(place));
    case DeviceFault::kDisconnected:
      return fmt::format("{} does not answer: unplugged, or its link is lost; dmesg says more",
                         device_name(place));
    case DeviceFault::kBusy:
      return fmt::format(
          "{} is in use by another process: end that one, or let both share it "
          "through HailoRT's multi-process service",
          device_name(place));
    case DeviceFault::kNoDevice:
      return {};
    case DeviceFault::kDriverMissing:
      return "the kernel module is not loaded: install hailo_pci for Hailo-8 and 8L, hailo1x_pci "
             "for Hailo-10 and 15, and reboot";
    case DeviceFault::kVersionMismatch:
      return fmt::format(
          "driver, library, firmware and service must have one version ({}): "
          "install them from one release and reboot",
          versions(place));
    case DeviceFault::kServiceFailed:
      return "HailoRT's service does not answer: restart hailort_service";
    case DeviceFault::kWrongArchitecture:
      return fmt::format("{} was compiled for another chip than {}: compile it for this one",
                         model_name(place),
                         place.architecture.empty() ? "this" : place.architecture);
    case DeviceFault::kInvalidModel:
      // Up to 4.20 one code stood for everything.
      return status == 26
                 ? fmt::format(
                       "{} is damaged, or compiled for another chip than {}, or for a "
                       "newer library than {}",
                       model_name(place), place.architecture.empty() ? "this" : place.architecture,
                       place.library.empty() ? "this" : place.library)
                 : fmt::format("{} is damaged or no HEF", model_name(place));
    case DeviceFault::kModelTooNew:
      return fmt::format(
          "{} needs a newer library than {}: update HailoRT, or compile it with "
          "the compiler of this release",
          model_name(place), place.library.empty() ? "this" : place.library);
    case DeviceFault::kUnsupported:
      return fmt::format(
          "HailoRT {} cannot do that on this device: 4.x drives Hailo-8 and 8L, 5.x "
          "Hailo-10 and 15",
          place.library);
    case DeviceFault::kInvalidUse:
    case DeviceFault::kOutOfMemory:
      return {};
    case DeviceFault::kOther:
      if (place.page_size > kUsualPageSize) {
        return fmt::format(
            "the kernel has pages of {} bytes, and HailoRT may want {}: boot a "
            "kernel with those",
            place.page_size, kUsualPageSize);
      }
      return {};
  }
  return {};
}

}  // namespace

DeviceError to_device_error(int status, std::string_view status_text, std::string_view doing,
                            const Place& place) {
  const DeviceFault fault = fault_of(status);
  std::string message = fmt::format("HailoRT says {} while {}",
                                    status_text.empty() ? to_string(fault) : status_text, doing);
  if (const std::string advice = cure(status, fault, place); !advice.empty()) {
    message += "; " + advice;
  }
  return {fault, status, std::move(message)};
}

}  // namespace quant::hailort
