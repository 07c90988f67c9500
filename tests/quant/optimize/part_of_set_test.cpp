// SPDX-License-Identifier: MIT
#include "quant/optimize/part_of_set.h"

#include <gmock/gmock.h>

#include <vector>

#include "quant/optimize/random_frames.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::input_spec;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(6, 4, 3, {0}, {1});

// Which of the first frames they are, counted from 1 as RandomFrames seeds them.
std::vector<int> numbers(CalibrationSet& set) {
  std::vector<int> result;
  for (;;) {
    const auto frame = set.next();
    EXPECT_TRUE(frame);
    if (!frame || !*frame) return result;
    for (int number = 1; number <= 20; ++number) {
      const Tensor expected =
          testing::float_pixels(testing::random_frame(kSpec, static_cast<unsigned>(number)));
      if (std::ranges::equal((**frame)[0].data<float>(), expected.data<float>()))
        result.push_back(number);
    }
  }
}

TEST(PartOfSet, EveryFrameIsInOnePart) {
  RandomFrames frames(kSpec, 10);
  PartOfSet judging(frames, 4, SetPart::kJudging);
  PartOfSet learning(frames, 4, SetPart::kLearning);
  EXPECT_EQ(judging.count(), 2);
  EXPECT_EQ(learning.count(), 8);
  for (int pass = 0; pass < 2; ++pass) {
    ASSERT_TRUE(judging.rewind());
    EXPECT_THAT(numbers(judging), ElementsAre(4, 8));
    ASSERT_TRUE(learning.rewind());
    EXPECT_THAT(numbers(learning), ElementsAre(1, 2, 3, 5, 6, 7, 9, 10));
  }
}

}  // namespace
}  // namespace quant
