// SPDX-License-Identifier: MIT
#include "quant/device/device_error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "quant/device/device.h"

namespace quant {
namespace {

TEST(DeviceError, BecomesAnErrorThatNamesTheStatus) {
  const Error error = to_error({DeviceFault::kBusy, 73, "0000:01:00.0 is in use"}, "device-id");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.text(), "device-id: 0000:01:00.0 is in use (status 73)");
  EXPECT_EQ(to_error({DeviceFault::kInvalidModel, 0, "damaged"}, "a.hef").text(), "a.hef: damaged");
}

TEST(DeviceError, SaysWhatKindOfFailureItIs) {
  const auto code = [](DeviceFault fault) { return to_error({fault, 0, "x"}, "").code; };
  EXPECT_EQ(code(DeviceFault::kInvalidModel), ErrorCode::kInvalidData);
  EXPECT_EQ(code(DeviceFault::kWrongArchitecture), ErrorCode::kUnsupported);
  EXPECT_EQ(code(DeviceFault::kNoDevice), ErrorCode::kNotFound);
  EXPECT_EQ(code(DeviceFault::kTimeout), ErrorCode::kUnavailable);
  EXPECT_EQ(code(DeviceFault::kInvalidUse), ErrorCode::kInternal);
}

TEST(DeviceError, NamesEveryFaultDifferently) {
  std::set<std::string> names;
  for (int fault = 0; fault <= static_cast<int>(DeviceFault::kOther); ++fault) {
    EXPECT_TRUE(names.insert(to_string(static_cast<DeviceFault>(fault))).second) << fault;
  }
}

}  // namespace
}  // namespace quant
