// SPDX-License-Identifier: MIT
#include "quant/device/fake_options.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "quant/base/parse_number.h"

namespace quant {
namespace {

struct KnownStatus {
  int status;
  DeviceFault fault;
  const char* message;
};

constexpr std::array kStatuses{
    KnownStatus{2, DeviceFault::kInvalidUse, "an argument is wrong"},
    KnownStatus{4, DeviceFault::kTimeout, "the network on the device does not answer any more"},
    KnownStatus{6, DeviceFault::kInvalidUse, "the operation is not allowed"},
    KnownStatus{7, DeviceFault::kUnsupported, "this device cannot do that"},
    KnownStatus{8, DeviceFault::kOther, "something inside the library failed"},
    KnownStatus{26, DeviceFault::kInvalidModel,
                "the compiled network is damaged, or not one for this library: compile it anew"},
    KnownStatus{36, DeviceFault::kDisconnected,
                "the driver lost the device: check its seat and supply, then restart"},
    KnownStatus{63, DeviceFault::kAborted,
                "the device has closed its streams, as it does when too hot"},
    KnownStatus{64, DeviceFault::kDriverMissing,
                "the kernel module is not loaded: install the driver"},
    KnownStatus{73, DeviceFault::kBusy,
                "another process has the device: end it, or share the device with it"},
    KnownStatus{74, DeviceFault::kBusy,
                "no device is free: another process has it, or none is there"},
    KnownStatus{75, DeviceFault::kWrongArchitecture,
                "this chip is not one that the library drives"},
    KnownStatus{76, DeviceFault::kVersionMismatch,
                "driver and library are of different versions: install the same one of both"},
    KnownStatus{77, DeviceFault::kServiceFailed,
                "the process that shares the device does not answer"},
    KnownStatus{78, DeviceFault::kVersionMismatch,
                "library and service are of different versions: install the same one of both"},
    KnownStatus{79, DeviceFault::kUnsupported, "this library does not drive that device"},
    KnownStatus{82, DeviceFault::kQueueFull, "the queue is full"},
    KnownStatus{85, DeviceFault::kVersionMismatch,
                "the driver answered what nobody asked: install the library's own version of it"},
    KnownStatus{87, DeviceFault::kTimeout,
                "the driver does not answer; the device may need a reset"},
    KnownStatus{91, DeviceFault::kInvalidModel, "the compiled network is damaged: copy it anew"},
    KnownStatus{92, DeviceFault::kModelTooNew,
                "the compiled network needs a newer library: install it, or compile for this one"},
    KnownStatus{93, DeviceFault::kWrongArchitecture,
                "the network was compiled for another chip: compile it for this one"},
    KnownStatus{96, DeviceFault::kDisconnected,
                "the link to the device is lost: check its seat and supply, then restart"},
    KnownStatus{97, DeviceFault::kUnavailable,
                "the device is taken over by another process just now"},
};

struct NamedKind {
  const char* name;
  FakeFault::Kind kind;
  bool has_status;
};

constexpr std::array kKinds{
    NamedKind{"status-", FakeFault::Kind::kStatus, true},
    NamedKind{"start-", FakeFault::Kind::kStart, true},
    NamedKind{"open-", FakeFault::Kind::kOpen, true},
    NamedKind{"configure-", FakeFault::Kind::kConfigure, true},
    NamedKind{"lost", FakeFault::Kind::kLost, false},
    NamedKind{"late", FakeFault::Kind::kLate, false},
    NamedKind{"twice", FakeFault::Kind::kTwice, false},
    NamedKind{"reorder", FakeFault::Kind::kReorder, false},
    NamedKind{"hang", FakeFault::Kind::kHang, false},
    NamedKind{"hang-stop", FakeFault::Kind::kHangStop, false},
};

std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

tl::unexpected<Error> wrong(std::string_view key, std::string_view value) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}={} is no option of the fake device", key, value), "device-model");
}

Result<double> number(std::string_view key, std::string_view value, double least, double most) {
  const auto parsed = parse_number(value);
  if (!parsed || *parsed < least || *parsed > most) return wrong(key, value);
  return *parsed;
}

constexpr double kMost = 1e6;

Result<int> whole(std::string_view key, std::string_view value, int least = 0) {
  QUANT_TRY_ASSIGN(const double parsed, number(key, value, least, kMost));
  if (std::floor(parsed) != parsed) return wrong(key, value);
  return static_cast<int>(parsed);
}

Result<FakeFault> parse_fault(std::string_view text) {
  const std::string_view whole_text = text;
  const std::string_view at = take_until(text, ':');
  FakeFault fault;
  QUANT_TRY_ASSIGN(fault.at, whole("faults", at));
  for (const NamedKind& named : kKinds) {
    const std::string_view name = named.name;
    if (named.has_status ? !text.starts_with(name) : text != name) continue;
    fault.kind = named.kind;
    if (named.has_status) {
      QUANT_TRY_ASSIGN(fault.status, whole("faults", text.substr(name.size()), 1));
    }
    return fault;
  }
  return wrong("faults", whole_text);
}

Result<bool> choice(std::string_view key, std::string_view value, std::string_view no,
                    std::string_view yes) {
  if (value == yes) return true;
  if (value == no) return false;
  return wrong(key, value);
}

Status set_behaviour(FakeOptions& options, std::string_view key, std::string_view value) {
  if (key == "seed") {
    QUANT_TRY_ASSIGN(options.seed, whole(key, value));
  } else if (key == "noise") {
    QUANT_TRY_ASSIGN(options.noise, number(key, value, 0, kMost));
  } else if (key == "jitter") {
    QUANT_TRY_ASSIGN(options.jitter, number(key, value, 0, kMost));
  } else if (key == "queue") {
    QUANT_TRY_ASSIGN(options.queue_size, whole(key, value, 1));
  } else if (key == "delay-us") {
    QUANT_TRY_ASSIGN(const int delay, whole(key, value));
    options.delay = std::chrono::microseconds(delay);
  } else if (key == "late-ms") {
    QUANT_TRY_ASSIGN(const int late, whole(key, value));
    options.late = std::chrono::milliseconds(late);
  } else if (key == "hang-ms") {
    QUANT_TRY_ASSIGN(const int hang, whole(key, value));
    options.hang = std::chrono::milliseconds(hang);
  } else if (key == "rate") {
    QUANT_TRY_ASSIGN(options.fault_rate, number(key, value, 0, 1));
  } else if (key == "hot") {
    const std::string_view from = take_until(value, ':');
    QUANT_TRY_ASSIGN(options.hot_from, whole(key, from));
    QUANT_TRY_ASSIGN(options.hot_to, whole(key, value));
  } else if (key == "faults") {
    while (!value.empty()) {
      QUANT_TRY_ASSIGN(const FakeFault fault, parse_fault(take_until(value, '+')));
      options.faults.push_back(fault);
    }
  } else {
    return wrong(key, value);
  }
  return {};
}

Status set(FakeOptions& options, std::string_view key, std::string_view value) {
  if (key == "layout") {
    const auto order = device_order_from_string(value);
    if (!order) return wrong(key, value);
    options.order = *order;
  } else if (key == "align") {
    QUANT_TRY_ASSIGN(options.align, whole(key, value, 1));
  } else if (key == "type") {
    QUANT_TRY_ASSIGN(options.wide, choice(key, value, "native", "uint16"));
  } else if (key == "params") {
    QUANT_TRY_ASSIGN(options.has_params, choice(key, value, "absent", "known"));
  } else if (key == "input") {
    QUANT_TRY_ASSIGN(options.pads_input, choice(key, value, "dense", "padded"));
  } else {
    return set_behaviour(options, key, value);
  }
  return {};
}

}  // namespace

Result<FakeOptions> parse_fake_options(std::string_view text) {
  FakeOptions options;
  while (!text.empty()) {
    std::string_view value = take_until(text, ',');
    if (value.empty()) continue;
    const std::string_view key = take_until(value, '=');
    QUANT_TRY(set(options, key, value));
  }
  return options;
}

DeviceError fake_error(int status) {
  for (const KnownStatus& known : kStatuses) {
    if (known.status == status) return {known.fault, status, known.message};
  }
  return {DeviceFault::kOther, status, "the fake device failed as it was told to"};
}

}  // namespace quant
