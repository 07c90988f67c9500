// SPDX-License-Identifier: MIT
// The same bits on every instruction set: those of eight partial sums, added one element at a time.
#include "quant/metrics/error_sums.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace quant {
namespace {

using Lanes = std::array<double, 8>;

double joined(const Lanes& l) {
  return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

ErrorSums oracle(const float* reference, const float* test, std::size_t count) {
  Lanes signal{}, noise{}, energy{}, product{}, difference{}, absolute{};
  double maximum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double r = reference[i], t = test[i];
    signal[i % 8] += r * r;
    noise[i % 8] += (t - r) * (t - r);
    energy[i % 8] += t * t;
    product[i % 8] += r * t;
    difference[i % 8] += t - r;
    absolute[i % 8] += std::fabs(t - r);
    maximum = std::fmax(maximum, std::fabs(t - r));
  }
  return {joined(signal),     joined(noise),    joined(energy), joined(product),
          joined(difference), joined(absolute), maximum};
}

void expect_same_bits(const ErrorSums& sums, const ErrorSums& expected) {
  EXPECT_EQ(sums.signal, expected.signal);
  EXPECT_EQ(sums.noise, expected.noise);
  EXPECT_EQ(sums.test_energy, expected.test_energy);
  EXPECT_EQ(sums.product, expected.product);
  EXPECT_EQ(sums.difference, expected.difference);
  EXPECT_EQ(sums.absolute, expected.absolute);
  EXPECT_EQ(sums.maximum, expected.maximum);
}

TEST(ErrorSums, AreTheSameBitsOnEveryInstructionSet) {
  std::mt19937 engine(11);
  std::normal_distribution<float> values(0, 100);
  std::vector<float> reference(1100), test(1100);
  for (float& value : reference) value = values(engine);
  for (float& value : test) value = values(engine);
  int sets = 0;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    ++sets;
    for (std::size_t count : {0, 1, 7, 8, 9, 15, 16, 17, 63, 1024, 1031}) {
      for (std::size_t start : {0, 1, 3}) {
        const float* r = reference.data() + start;
        const float* t = test.data() + start + 2;
        expect_same_bits(error_sums(r, t, count), oracle(r, t, count));
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(sets, 1);
}

}  // namespace
}  // namespace quant
