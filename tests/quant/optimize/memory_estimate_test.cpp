// SPDX-License-Identifier: MIT
#include "quant/optimize/memory_estimate.h"

#include <gmock/gmock.h>

#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::padded;

constexpr std::uint64_t kFrame = 3 * 200 * 100;

Graph network() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 100, 200});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 1)}, padded(1));
  return builder.build({builder.node(OpKind::kRelu, {y})});
}

const MemoryNeed& last(const std::vector<MemoryNeed>& needs) { return needs.back(); }

TEST(MemoryEstimate, FineTuningHoldsEveryFrame) {
  MemoryWork work;
  work.finetuning = true;
  work.frames = 100;
  const MemoryNeed few = last(estimate_memory(network(), work));
  work.frames = 10100;
  const MemoryNeed many = last(estimate_memory(network(), work));
  EXPECT_EQ(few.step, "fine-tuning");
  EXPECT_EQ(few.frame_bytes, kFrame);
  EXPECT_EQ(many.bytes - few.bytes, 10000 * kFrame);
  // Two activations of 8 channels, each as computed and as rounded.
  EXPECT_GT(few.bytes - 100 * kFrame, 2U * 2 * 8 * 200 * 100 * 4);
}

TEST(MemoryEstimate, CalibrationHoldsActivationsOfOneFrame) {
  MemoryWork work;
  work.frames = 100;
  const std::uint64_t few = last(estimate_memory(network(), work)).bytes;
  work.frames = 10000;
  EXPECT_EQ(last(estimate_memory(network(), work)).bytes, few);
  EXPECT_GT(few, 2U * 8 * 200 * 100 * 4);
  EXPECT_LT(few, 3U * 8 * 200 * 100 * 4);
}

TEST(MemoryEstimate, SaysWhatWouldFit) {
  MemoryWork work;
  work.finetuning = true;
  work.frames = 20000;
  const auto needs = estimate_memory(network(), work);
  const AvailableMemory available{500'000'000, "the limit of the test"};
  const Status refused = check_memory(needs, work.frames, available);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfRange);
  const std::string& message = refused.error().message;
  for (const char* words :
       {"fine-tuning needs about 1.2 GB", "1.2 GB of it for the 20000 frames that it holds",
        "500 MB are available (the limit of the test)", "--accept-memory"})
    EXPECT_THAT(message, HasSubstr(words));
  // What it names fits, and one frame more does not.
  const std::size_t at = message.find("--frames ");
  ASSERT_NE(at, std::string::npos) << message;
  work.frames = std::stoll(message.substr(at + 9));
  EXPECT_TRUE(check_memory(estimate_memory(network(), work), work.frames, available));
  ++work.frames;
  EXPECT_FALSE(check_memory(estimate_memory(network(), work), work.frames, available));
}

TEST(MemoryEstimate, WhereFramesAreNotTheReason) {
  MemoryWork work;
  work.frames = 100;
  const Status refused =
      check_memory(estimate_memory(network(), work), work.frames, {1000, "the limit of the test"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("calibrating needs about"));
  EXPECT_THAT(refused.error().message, HasSubstr("fewer frames do not help"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("--frames")));
}

}  // namespace
}  // namespace quant
