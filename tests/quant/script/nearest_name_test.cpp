// SPDX-License-Identifier: MIT
#include "quant/script/nearest_name.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NearestName, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("conv1", ""), 5U);
  EXPECT_EQ(edit_distance("conv1", "conv12"), 1U);
  EXPECT_EQ(edit_distance("cnov1", "conv1"), 1U);  // two neighbours swapped are one slip
  EXPECT_EQ(edit_distance("Conv1", "conv1"), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestName, NearestOnly) {
  const std::vector<std::string> names = {"conv1", "conv12", "dw1", "conv3"};
  EXPECT_THAT(nearest_names("conv13", names, 3), ElementsAre("conv1", "conv12", "conv3"));
  EXPECT_THAT(nearest_names("conv13", names, 1), ElementsAre("conv1"));
  EXPECT_THAT(nearest_names("conv122", names, 3), ElementsAre("conv12"));
  EXPECT_THAT(nearest_names("matmul", names, 3), IsEmpty());
  EXPECT_THAT(nearest_names("", names, 3), IsEmpty());
  EXPECT_THAT(nearest_names(std::string(1000, 'c'), names, 3), IsEmpty());
}

TEST(NearestName, Sentence) {
  const std::vector<std::string> names = {"conv1", "conv2", "conv3", "dw1"};
  EXPECT_EQ(did_you_mean("conv4", names, 3), "; did you mean 'conv1', 'conv2' or 'conv3'?");
  EXPECT_EQ(did_you_mean("dw", names), "; did you mean 'dw1'?");
  EXPECT_EQ(did_you_mean("softmax", names), "");
}

}  // namespace
}  // namespace quant
