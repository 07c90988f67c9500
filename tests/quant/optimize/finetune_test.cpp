// SPDX-License-Identifier: MIT
#include "quant/optimize/torch_finetune.h"

#include <filesystem>
#include <fstream>

#include "quant/optimize/output_noise.h"
#include "quant/optimize/tuning_network.h"

namespace quant {
namespace {

using testing::kTuningSpec;
using testing::RandomFrames;
using testing::tuning_start;
using testing::TuningStart;

FinetuneOptions options() {
  FinetuneOptions result;
  result.epochs = 6;
  result.least_frames = 8;
  result.held_back = 4;
  return result;
}

Result<std::optional<FinetuneResult>> run(const TuningStart& start, const FinetuneOptions& options,
                                          int frames = 32, const FinetuneProgress& progress = {}) {
  RandomFrames set(kTuningSpec, frames);
  return tuning::finetune(start.model, start.graph, start.ranges, {}, set, options, progress);
}

bool same(const QuantizedModel& a, const QuantizedModel& b) {
  if (a.integer.values.size() != b.integer.values.size()) return false;
  for (std::size_t id = 0; id < a.integer.values.size(); ++id) {
    const Value& left = a.integer.values[id];
    const Value& right = b.integer.values[id];
    if (left.quant != right.quant || left.constant.has_value() != right.constant.has_value())
      return false;
    if (left.constant &&
        !std::equal(left.constant->raw(), left.constant->raw() + left.constant->bytes(),
                    right.constant->raw()))
      return false;
  }
  return true;
}

class FinetuneFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) / (std::string(test->name()) + ".state");
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_;
};

TEST(Finetune, BringsTheOutputsCloserOnFramesItDoesNotTrainOn) {
  const TuningStart start = tuning_start();
  FinetuneOptions longer = options();
  longer.epochs = 10;
  const auto result = run(start, longer);
  ASSERT_TRUE(result && *result) << result.error().text();
  const auto& tuned = **result;
  EXPECT_GT(tuned.best, tuned.before + 0.5);
  // The twin does not flatter itself: so it is in the emulator, on frames of no part of the set.
  RandomFrames others(kTuningSpec, 48);
  auto judge = OutputNoise::create(start.graph, others, 48, 1);
  ASSERT_TRUE(judge);
  EXPECT_LT(*judge->measure(tuned.model), *judge->measure(start.model) - 0.5);
}

TEST(Finetune, ReturnsNothingWhereNothingIsBetter) {
  const TuningStart start = tuning_start();
  FinetuneOptions wild = options();
  wild.weight_rate = wild.bias_rate = 10;
  wild.range_rate = 0.5;
  const auto result = run(start, wild);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_FALSE(*result);
}

TEST(Finetune, IsTheSameTwice) {
  const TuningStart start = tuning_start();
  const auto once = run(start, options());
  const auto again = run(start, options());
  ASSERT_TRUE(once && *once && again && *again);
  EXPECT_TRUE(same((*once)->model, (*again)->model));
}

TEST(Finetune, RefusesTooFewFramesBeforeItStarts) {
  const TuningStart start = tuning_start();
  const auto result = run(start, options(), 5);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(result.error().message.find("at least 8 calibration frames, there are 5"),
            std::string::npos)
      << result.error().message;
}

TEST_F(FinetuneFile, GoesOnWhereItWasStopped) {
  const TuningStart start = tuning_start();
  const auto whole = run(start, options());
  ASSERT_TRUE(whole && *whole);
  FinetuneOptions kept = options();
  kept.checkpoint = path_;
  // 24 frames train, a step each.
  const auto stopped =
      run(start, kept, 32, [](const FinetuneStatus& status) { return status.done < 29; });
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().message.find("stopped"), std::string::npos);
  ASSERT_TRUE(std::filesystem::exists(path_));
  std::int64_t first = 0;
  const auto resumed = run(start, kept, 32, [&](const FinetuneStatus& status) {
    if (first == 0) first = status.done;
    return true;
  });
  ASSERT_TRUE(resumed && *resumed) << resumed.error().text();
  EXPECT_EQ(first, 25);
  EXPECT_TRUE(same((*resumed)->model, (*whole)->model));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(FinetuneFile, RefusesACheckpointOfOtherOptionsOrDamage) {
  const TuningStart start = tuning_start();
  FinetuneOptions kept = options();
  kept.checkpoint = path_;
  ASSERT_FALSE(run(start, kept, 32, [](const FinetuneStatus& status) { return status.done < 30; }));
  FinetuneOptions other = kept;
  other.range_rate *= 2;
  const auto refused = run(start, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().context, path_.string());
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 3);
  const auto damaged = run(start, kept);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kInvalidData);
}

}  // namespace
}  // namespace quant
