// SPDX-License-Identifier: MIT
// The same index on every instruction set: that of the edges, one value at a time.
#include "quant/metrics/bin_indices.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace quant {
namespace {

std::int32_t oracle(float value, const BinRule& rule) {
  const double position =
      ((double{value} * rule.steps_per_value + rule.zero_point) + 0.5) * rule.bins_per_step;
  for (std::int32_t bin = 0; bin < rule.bins; ++bin) {
    const auto low = static_cast<double>(rule.first + bin);
    if (position >= low && position < low + 1) return bin;
  }
  return rule.bins;
}

TEST(BinIndices, AreThoseOfTheEdgesOnEveryInstructionSet) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::mt19937 engine(5);
  std::normal_distribution<float> normal(3, 40);
  std::vector<float> values(200);
  for (float& value : values) value = normal(engine);
  for (const float special :
       {0.0F, -0.0F, kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e30F, -1e30F,
        -0.125F, 0.875F, 15.875F, std::numeric_limits<float>::denorm_min()}) {
    values.push_back(special);
  }
  const BinRule rules[] = {{4, 0, 0.25, 0, 16}, {2.5, 10, 0.25, -7, 64}, {1, -3, 1, -40, 1}};
  int sets = 0;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(targets & -targets));
    ++sets;
    for (const BinRule& rule : rules) {
      for (const std::size_t start : {0, 1, 3}) {
        const std::size_t count = values.size() - start;
        std::vector<std::int32_t> indices(count + 1, -1);
        bin_indices(values.data() + start, count, rule, indices.data());
        for (std::size_t i = 0; i < count; ++i)
          ASSERT_EQ(indices[i], oracle(values[start + i], rule)) << values[start + i];
        EXPECT_EQ(indices[count], -1);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(sets, 1);
}

}  // namespace
}  // namespace quant
