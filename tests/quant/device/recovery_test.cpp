// SPDX-License-Identifier: MIT
#include "quant/device/recovery.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

using std::chrono::milliseconds;

constexpr RecoveryLimits kLimits{3, 4, milliseconds(10), milliseconds(35)};

TEST(Recovery, ATimeoutIsCuredByConfiguringThenByOpeningAnew) {
  Recovery recovery(kLimits);
  EXPECT_EQ(recovery.next(DeviceFault::kTimeout).cure, Cure::kReconfigure);
  EXPECT_EQ(recovery.next(DeviceFault::kTimeout).cure, Cure::kReopen);
  EXPECT_EQ(recovery.next(DeviceFault::kTimeout).cure, Cure::kReopen);
  EXPECT_EQ(recovery.next(DeviceFault::kTimeout).cure, Cure::kReopen);
  EXPECT_EQ(recovery.next(DeviceFault::kTimeout).cure, Cure::kNone);
}

TEST(Recovery, PausesDoubleUpToTheLongest) {
  Recovery recovery(kLimits);
  for (const int expected : {0, 10, 20, 35}) {
    EXPECT_EQ(recovery.next(DeviceFault::kTimeout).pause, milliseconds(expected));
  }
  Recovery retrying(kLimits);
  for (const int expected : {10, 20, 35}) {
    EXPECT_EQ(retrying.next(DeviceFault::kQueueFull).pause, milliseconds(expected));
  }
  EXPECT_EQ(retrying.next(DeviceFault::kQueueFull).cure, Cure::kNone);
}

TEST(Recovery, AFinishedFrameBeginsAnew) {
  Recovery recovery(kLimits);
  for (int round = 0; round < 20; ++round) {
    const Recovery::Step step = recovery.next(DeviceFault::kTimeout);
    EXPECT_EQ(step.cure, Cure::kReconfigure) << round;
    EXPECT_EQ(step.pause, milliseconds(0)) << round;
    recovery.succeeded();
  }
}

TEST(Recovery, TheServiceIsAskedOnceMore) {
  Recovery recovery(kLimits);
  EXPECT_EQ(recovery.next(DeviceFault::kServiceFailed).cure, Cure::kReopen);
  EXPECT_EQ(recovery.next(DeviceFault::kServiceFailed).cure, Cure::kNone);
}

TEST(Recovery, AnAbortNobodyAskedForMeansThatTheStreamsAreClosed) {
  EXPECT_EQ(Recovery(kLimits).next(DeviceFault::kAborted).cure, Cure::kReopen);
}

TEST(Recovery, WhatOnlyPeopleCanMendIsFinal) {
  for (const DeviceFault fault :
       {DeviceFault::kDisconnected, DeviceFault::kBusy, DeviceFault::kNoDevice,
        DeviceFault::kDriverMissing, DeviceFault::kVersionMismatch, DeviceFault::kWrongArchitecture,
        DeviceFault::kInvalidModel, DeviceFault::kModelTooNew, DeviceFault::kUnsupported,
        DeviceFault::kInvalidUse, DeviceFault::kOutOfMemory}) {
    EXPECT_EQ(Recovery(kLimits).next(fault).cure, Cure::kNone) << to_string(fault);
  }
}

}  // namespace
}  // namespace quant
