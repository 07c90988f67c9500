// SPDX-License-Identifier: MIT
// The same bits on every instruction set: those of eight partial sums, added one element at a
// time.
#include "quant/metrics/error_sums.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace quant {
namespace {

using Lanes = std::array<double, 8>;

double joined(const Lanes& l) {
  const auto pair = [&l](int i) { return l[i] + l[i + 4]; };
  return (pair(0) + pair(2)) + (pair(1) + pair(3));
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

// `judge` is called once on every instruction set of this CPU.
template <typename Judge>
void on_every_instruction_set(const Judge& judge) {
  int sets = 0;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    ++sets;
    judge();
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(sets, 1);
}

// Of all sizes: any bits that are a finite float.
std::vector<float> any_finite(std::size_t count, std::mt19937& engine) {
  std::vector<float> values;
  while (values.size() < count) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(engine()));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

TEST(ErrorSums, AreTheSameBitsOnEveryInstructionSet) {
  std::mt19937 engine(11);
  std::normal_distribution<float> values(0, 100);
  std::vector<float> reference(1100), test(1100);
  for (float& value : reference) value = values(engine);
  for (float& value : test) value = values(engine);
  on_every_instruction_set([&] {
    for (std::size_t count : {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 1023, 1024, 1039}) {
      for (std::size_t start : {0, 1, 3}) {
        const float* r = reference.data() + start;
        const float* t = test.data() + start + 2;
        expect_same_bits(error_sums(r, t, count), oracle(r, t, count));
      }
    }
  });
}

// A fused product and sum may stand for both only where the product is exact: squares of
// differences of numbers of any size are not.
TEST(ErrorSums, NumbersOfAnySizeAreRoundedAlike) {
  std::mt19937 engine(12);
  std::vector<float> reference = any_finite(4001, engine), test = any_finite(4001, engine);
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const std::array<float, 6> extremes{0, -0.0F, kMost, -kMost, kLeast, -kLeast};
  for (std::size_t i = 0; i < 36; ++i) {
    reference[100 + i] = extremes[i / 6];
    test[100 + i] = extremes[i % 6];
  }
  // Neighbours, whose differences are small.
  for (std::size_t i = 200; i < 1200; ++i) test[i] = std::nextafter(reference[i], 0.0F);
  on_every_instruction_set([&] {
    for (std::size_t count : {136, 4001})
      expect_same_bits(error_sums(reference.data(), test.data(), count),
                       oracle(reference.data(), test.data(), count));
    for (std::size_t start = 200; start < 1200; start += 37)
      expect_same_bits(error_sums(reference.data() + start, test.data() + start, 33),
                       oracle(reference.data() + start, test.data() + start, 33));
  });
}

TEST(ErrorSums, WhatIsNotFiniteShowsInTheEnergies) {
  std::vector<float> reference(77, 1), test(77, 2);
  on_every_instruction_set([&] {
    for (const float value :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN()}) {
      for (const std::size_t at : {0, 5, 40, 63, 64, 76}) {
        for (std::vector<float>* side : {&reference, &test}) {
          const float before = std::exchange((*side)[at], value);
          const ErrorSums sums = error_sums(reference.data(), test.data(), 77);
          EXPECT_FALSE(std::isfinite(sums.signal + sums.test_energy)) << value << " at " << at;
          std::size_t finite = 0;
          const ErrorSums others = finite_error_sums(reference.data(), test.data(), 77, finite);
          EXPECT_EQ(finite, 76U);
          expect_same_bits(others, {76, 76, 4 * 76, 2 * 76, 76, 76, 1});
          (*side)[at] = before;
        }
      }
    }
  });
}

}  // namespace
}  // namespace quant
