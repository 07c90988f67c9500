// SPDX-License-Identifier: MIT
#include "quant/device/fake_options.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

TEST(FakeOptions, EmptyTextIsTheDefault) {
  const auto options = parse_fake_options("");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->order, DeviceOrder::kNhwc);
  EXPECT_TRUE(options->faults.empty());
}

TEST(FakeOptions, ReadsEveryOne) {
  const auto options = parse_fake_options(
      "seed=7,layout=F8CR,align=4,type=uint16,params=absent,input=padded,noise=0.5,jitter=2,"
      "queue=3,delay-us=100,late-ms=5,hang-ms=6,rate=0.25,hot=3:9,"
      "faults=1:status-63+2:start-82+0:open-73+1:configure-4+3:lost+4:late+5:twice+6:reorder+"
      "7:hang+8:hang-stop");
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->seed, 7U);
  EXPECT_EQ(options->order, DeviceOrder::kF8cr);
  EXPECT_EQ(options->align, 4);
  EXPECT_TRUE(options->wide);
  EXPECT_FALSE(options->has_params);
  EXPECT_TRUE(options->pads_input);
  EXPECT_EQ(options->noise, 0.5);
  EXPECT_EQ(options->jitter, 2);
  EXPECT_EQ(options->queue_size, 3);
  EXPECT_EQ(options->delay, std::chrono::microseconds(100));
  EXPECT_EQ(options->late, std::chrono::milliseconds(5));
  EXPECT_EQ(options->hang, std::chrono::milliseconds(6));
  EXPECT_EQ(options->fault_rate, 0.25);
  EXPECT_EQ(options->hot_from, 3);
  EXPECT_EQ(options->hot_to, 9);
  ASSERT_EQ(options->faults.size(), 10U);
  EXPECT_EQ(options->faults[0].kind, FakeFault::Kind::kStatus);
  EXPECT_EQ(options->faults[0].status, 63);
  EXPECT_EQ(options->faults[3].kind, FakeFault::Kind::kConfigure);
  EXPECT_EQ(options->faults[8].kind, FakeFault::Kind::kHang);
  EXPECT_EQ(options->faults[9].kind, FakeFault::Kind::kHangStop);
  EXPECT_EQ(options->faults[9].at, 8);
}

TEST(FakeOptions, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"speed=3", "layout=WHCN", "queue=0", "rate=2", "faults=3", "faults=x:lost",
        "faults=1:explode", "faults=1:status-", "noise", "seed=1.5", "hot=4"}) {
    const auto options = parse_fake_options(text);
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(options.error().text().find("device-model"), std::string::npos);
  }
}

}  // namespace
}  // namespace quant
