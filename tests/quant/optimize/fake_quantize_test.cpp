// SPDX-License-Identifier: MIT
#include "quant/optimize/fake_quantize.h"

#include <gtest/gtest.h>

#include <vector>

namespace quant::tuning {
namespace {

struct Ends {
  at::Tensor low;
  at::Tensor high;
};

// [-4, 11] in 15 steps of 1, its ends with the gradients of Σ gradients·result.
Ends ends_of(const std::vector<float>& x, const std::vector<float>& gradients,
             const Clamp& clamp = {}) {
  Ends ends{at::scalar_tensor(-4.0F), at::scalar_tensor(11.0F)};
  ends.low.set_requires_grad(true);
  ends.high.set_requires_grad(true);
  const at::Tensor result = fake_quantize(at::tensor(x), ends.low, ends.high, 15, clamp);
  (result * at::tensor(gradients)).sum().backward();
  return ends;
}

TEST(FakeQuantize, TakesThePriceOfWhatARangeCutsThreefold) {
  const Ends ends = ends_of({-6, -5, 2, 20, 30, 40}, {1, 2, 100, 0.5, 0.25, 0.125});
  EXPECT_FLOAT_EQ(ends.low.grad().item<float>(), 3 * (1 + 2));
  EXPECT_FLOAT_EQ(ends.high.grad().item<float>(), 3 * (0.5F + 0.25F + 0.125F));
}

TEST(FakeQuantize, SharesTheErrorOfRoundingAmongTheEnds) {
  // Rounded up by 0.25 and down by 0.5: the step is a fifteenth of the width.
  const Ends ends = ends_of({1.75F, 4.5F}, {2, 6});
  const float of_step = 2 * 0.25F - 6 * 0.5F;
  EXPECT_FLOAT_EQ(ends.low.grad().item<float>(), -of_step / 15);
  EXPECT_FLOAT_EQ(ends.high.grad().item<float>(), of_step / 15);
}

TEST(FakeQuantize, AsksNothingOfAnEndWhereAClampCuts) {
  const Ends ends = ends_of({-6, -1, 20}, {1, 1, 1}, {.min = 0.0F, .max = {}});
  EXPECT_FLOAT_EQ(ends.low.grad().item<float>(), 0);
  EXPECT_FLOAT_EQ(ends.high.grad().item<float>(), 3);
}

}  // namespace
}  // namespace quant::tuning
