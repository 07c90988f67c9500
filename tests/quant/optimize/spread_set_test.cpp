// SPDX-License-Identifier: MIT
#include "quant/optimize/spread_set.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Frames that are their number.
class NumberedFrames : public CalibrationSet {
 public:
  NumberedFrames(int count, bool is_known) : count_(count), is_known_(is_known) {}
  std::optional<std::int64_t> count() const override {
    return is_known_ ? std::optional<std::int64_t>(count_) : std::nullopt;
  }
  Result<std::optional<std::vector<Tensor>>> next() override {
    if (next_ == count_) return std::optional<std::vector<Tensor>>();
    std::vector<Tensor> frame;
    frame.push_back(Tensor::from<float>({1}, std::vector<float>{static_cast<float>(next_++)}));
    return std::optional(std::move(frame));
  }
  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  int count_;
  bool is_known_;
  int next_ = 0;
};

std::vector<float> frames_of(CalibrationSet& set) {
  EXPECT_TRUE(set.rewind());
  std::vector<float> numbers;
  for (;;) {
    auto frame = set.next();
    EXPECT_TRUE(frame);
    if (!frame || !*frame) return numbers;
    numbers.push_back(std::as_const((**frame)[0]).data<float>()[0]);
  }
}

TEST(SpreadSet, TakesFramesFromAllOverTheSet) {
  NumberedFrames all(10, true);
  SpreadSet three(all, 3);
  EXPECT_EQ(three.count(), 3);
  EXPECT_THAT(frames_of(three), ElementsAre(3, 6, 9));
  EXPECT_THAT(frames_of(three), ElementsAre(3, 6, 9));  // rewound
  SpreadSet seven(all, 7);
  EXPECT_THAT(frames_of(seven), ElementsAre(1, 2, 4, 5, 7, 8, 9));
}

TEST(SpreadSet, TakesAllWhereThereAreNoMore) {
  NumberedFrames all(3, true);
  SpreadSet same(all, 3);
  EXPECT_THAT(frames_of(same), ElementsAre(0, 1, 2));
  SpreadSet more(all, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(more.count(), 3);
  EXPECT_THAT(frames_of(more), ElementsAre(0, 1, 2));
  NumberedFrames none(0, true);
  SpreadSet nothing(none, 4);
  EXPECT_THAT(frames_of(nothing), IsEmpty());
}

TEST(SpreadSet, TakesTheFirstWhereNobodyKnowsHowManyThereAre) {
  NumberedFrames all(10, false);
  SpreadSet three(all, 3);
  EXPECT_EQ(three.count(), std::nullopt);
  EXPECT_THAT(frames_of(three), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace quant
