// SPDX-License-Identifier: MIT
#include "quant/analyze/repeatability.h"

#include <gmock/gmock.h>

#include <limits>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor maps(std::vector<float> values) {
  return Tensor::from<float>({1, 3, 1, 2}, std::span<const float>(values));
}

TEST(Repeatability, CountsRunsElementsAndChannels) {
  Repeatability repeated({{"heat", DataType::kFloat32, {1, 3, 1, 2}}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Tensor> first = {maps({1, 2, 3, nan, 5, 6})};
  ASSERT_TRUE(repeated.add(first, first));
  ASSERT_TRUE(repeated.add(first, std::vector<Tensor>{maps({1, 2.5F, 3, nan, 5, 4})}));
  ASSERT_TRUE(repeated.add(first, std::vector<Tensor>{maps({1, 2, 3, nan, 5, 6.25F})}));
  const OutputRepeatability& output = repeated.outputs()[0];
  EXPECT_EQ(output.runs, 3);
  EXPECT_EQ(output.differing_runs, 2);
  EXPECT_EQ(output.elements, 18);
  EXPECT_EQ(output.differing_elements, 3);
  EXPECT_EQ(output.max_abs, 2);
  EXPECT_THAT(output.channels, ElementsAre(0, 2));
  EXPECT_THAT(to_text(output), HasSubstr("differs in 2 of 3 runs, 17 % of the elements, by 2 at "
                                         "most, in channels 0, 2"));
  EXPECT_EQ(to_json(output)["differing_elements"], 3);
}

// -0 and 0 are one value.
TEST(Repeatability, BitsThatMeanTheSameAreTheSame) {
  Repeatability repeated({{"heat", DataType::kFloat32, {1, 3, 1, 2}}});
  const std::vector<Tensor> first = {maps({0, 0, 0, 0, 0, 0})};
  ASSERT_TRUE(repeated.add(first, std::vector<Tensor>{maps({-0.0F, 0, 0, 0, 0, 0})}));
  EXPECT_EQ(repeated.outputs()[0].differing_runs, 0);
  EXPECT_EQ(to_text(repeated.outputs()[0]), "the same in 1 run");
}

TEST(Repeatability, CoversLabelsAndRefusesOtherShapes) {
  Repeatability repeated({{"label", DataType::kInt64, {1}}});
  const std::int64_t values[] = {3, 4};
  const std::vector<Tensor> three = {Tensor::from<std::int64_t>({1}, std::span(values, 1))};
  const std::vector<Tensor> four = {Tensor::from<std::int64_t>({1}, std::span(values + 1, 1))};
  ASSERT_TRUE(repeated.add(three, four));
  EXPECT_EQ(repeated.outputs()[0].differing_runs, 1);
  const std::vector<Tensor> two = {Tensor::from<std::int64_t>({2}, values)};
  const Status refused = repeated.add(three, two);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().context, "label");
}

}  // namespace
}  // namespace quant
