// SPDX-License-Identifier: MIT
#include "quant/device/hailort/hailort_status.h"

#include <gmock/gmock.h>

namespace quant::hailort {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Place kPlace{.device = "0000:01:00.0",
                   .library = "4.23.0",
                   .driver = "hailo_pci 4.22.0",
                   .architecture = "HAILO8L",
                   .model = "face.hef",
                   .page_size = 4096};

DeviceError error(int status, const Place& place = kPlace) {
  return to_device_error(status, "", "running a frame", place);
}

// What users were told in public for these codes, and what the message has to name for them to find
// the way out alone.
TEST(HailortStatus, NamesWhatAPersonHasToKnow) {
  EXPECT_THAT(error(76).message,
              AllOf(HasSubstr("library 4.23.0"), HasSubstr("driver hailo_pci 4.22.0")));
  EXPECT_THAT(error(73).message, AllOf(HasSubstr("0000:01:00.0"), HasSubstr("another process")));
  EXPECT_THAT(error(93).message, AllOf(HasSubstr("face.hef"), HasSubstr("HAILO8L")));
  EXPECT_THAT(error(26).message, AllOf(HasSubstr("face.hef"), HasSubstr("HAILO8L")));
  EXPECT_THAT(error(92).message, HasSubstr("newer library than 4.23.0"));
  EXPECT_THAT(error(64).message, AllOf(HasSubstr("hailo_pci"), HasSubstr("hailo1x_pci")));
  EXPECT_THAT(error(63).message, HasSubstr("heat"));
  EXPECT_THAT(error(87).message, HasSubstr("reset"));
  EXPECT_THAT(error(96).message, HasSubstr("unplugged"));
}

TEST(HailortStatus, HasAFaultForEveryCodeThatASessionActsOn) {
  const auto fault = [](int status) { return error(status).fault; };
  EXPECT_EQ(fault(4), DeviceFault::kTimeout);
  EXPECT_EQ(fault(87), DeviceFault::kTimeout);
  EXPECT_EQ(fault(63), DeviceFault::kAborted);
  EXPECT_EQ(fault(82), DeviceFault::kQueueFull);
  EXPECT_EQ(fault(97), DeviceFault::kUnavailable);
  EXPECT_EQ(fault(36), DeviceFault::kDisconnected);
  EXPECT_EQ(fault(96), DeviceFault::kDisconnected);
  EXPECT_EQ(fault(73), DeviceFault::kBusy);
  EXPECT_EQ(fault(74), DeviceFault::kBusy);
  EXPECT_EQ(fault(64), DeviceFault::kDriverMissing);
  EXPECT_EQ(fault(76), DeviceFault::kVersionMismatch);
  EXPECT_EQ(fault(78), DeviceFault::kVersionMismatch);
  EXPECT_EQ(fault(85), DeviceFault::kVersionMismatch);
  EXPECT_EQ(fault(86), DeviceFault::kVersionMismatch);
  EXPECT_EQ(fault(77), DeviceFault::kServiceFailed);
  EXPECT_EQ(fault(75), DeviceFault::kWrongArchitecture);
  EXPECT_EQ(fault(93), DeviceFault::kWrongArchitecture);
  EXPECT_EQ(fault(26), DeviceFault::kInvalidModel);
  EXPECT_EQ(fault(91), DeviceFault::kInvalidModel);
  EXPECT_EQ(fault(92), DeviceFault::kModelTooNew);
  EXPECT_EQ(fault(7), DeviceFault::kUnsupported);
  EXPECT_EQ(fault(79), DeviceFault::kUnsupported);
  EXPECT_EQ(fault(6), DeviceFault::kInvalidUse);
  EXPECT_EQ(fault(3), DeviceFault::kOutOfMemory);
}

TEST(HailortStatus, KeepsTheNumberOfWhatItDoesNotKnow) {
  const DeviceError unknown = error(12345);
  EXPECT_EQ(unknown.fault, DeviceFault::kOther);
  EXPECT_EQ(unknown.status, 12345);
  EXPECT_EQ(unknown.message, "HailoRT says other while running a frame");
}

// Status 8 on a kernel with pages of 16 KiB was a long search for somebody.
TEST(HailortStatus, HintsAtThePageSizeOfTheKernel) {
  Place place = kPlace;
  place.page_size = 16384;
  EXPECT_THAT(error(8, place).message, HasSubstr("pages of 16384 bytes"));
  EXPECT_THAT(error(8).message, ::testing::Not(HasSubstr("pages")));
}

TEST(HailortStatus, SaysSoWhereNothingIsKnown) {
  EXPECT_THAT(error(76, {}).message, HasSubstr("library unknown, driver unknown"));
  EXPECT_THAT(to_device_error(63, "HAILO_STREAM_ABORT", "running a frame", {}).message,
              HasSubstr("HailoRT says HAILO_STREAM_ABORT while running a frame; "
                        "the streams of the device were aborted"));
}

}  // namespace
}  // namespace quant::hailort
