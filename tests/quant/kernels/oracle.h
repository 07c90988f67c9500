// SPDX-License-Identifier: MIT
// What the kernel tests share: seeded random data, misaligned buffers, and the rounding rule
// written a second time, in exact wide arithmetic, so that no code of the library stands on both
// sides of a comparison.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "quant/base/aligned_buffer.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::oracle {

// `value` rounded once to float32, as IEEE-754 multiplication would: exact products fit long
// double.
inline float to_float(long double value) { return static_cast<float>(value); }

inline long long round_half_even(long double value) {
  const long double below = std::floor(value);
  const long double rest = value - below;
  const auto integer = static_cast<long long>(below);
  if (rest > 0.5L) return integer + 1;
  if (rest < 0.5L) return integer;
  return integer % 2 == 0 ? integer : integer + 1;
}

// q of a real value already in units of the output's scale.
inline int to_output(long double t, int zero_point, int qmin, int qmax) {
  if (t > 1e6L) return qmax;
  if (t < -1e6L) return qmin;
  const long long q = round_half_even(t) + zero_point;
  return static_cast<int>(std::min<long long>(std::max<long long>(q, qmin), qmax));
}

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  std::int64_t in(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  float real(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(engine_);
  }
  bool chance(int percent) { return in(1, 100) <= percent; }
  template <typename T>
  std::vector<T> vector(std::int64_t count, std::int64_t low, std::int64_t high) {
    std::vector<T> values(static_cast<std::size_t>(count));
    for (T& value : values) value = static_cast<T>(in(low, high));
    return values;
  }
  // Activations: spread, all 0, all 255, or only the two ends.
  std::vector<std::uint8_t> activations(std::int64_t count) {
    const auto kind = in(0, 9);
    if (kind == 0) return std::vector<std::uint8_t>(static_cast<std::size_t>(count), 0);
    if (kind == 1) return std::vector<std::uint8_t>(static_cast<std::size_t>(count), 255);
    auto values = vector<std::uint8_t>(count, 0, kind == 2 ? 1 : 255);
    if (kind == 2) {
      for (auto& value : values) value = static_cast<std::uint8_t>(value * 255);
    }
    return values;
  }
  std::vector<std::int8_t> weights(std::int64_t count) {
    const auto kind = in(0, 9);
    if (kind == 0) return std::vector<std::int8_t>(static_cast<std::size_t>(count), -128);
    if (kind == 1) return std::vector<std::int8_t>(static_cast<std::size_t>(count), 127);
    return vector<std::int8_t>(count, -128, 127);
  }
  // Often an end of the range.
  std::int32_t zero_point() {
    const auto kind = in(0, 4);
    return kind == 0 ? 0 : kind == 1 ? 255 : static_cast<std::int32_t>(in(0, 255));
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

// Bytes at an odd address, ended by the end of the allocation: sanitizers see a read past the data.
class Bytes {
 public:
  explicit Bytes(std::int64_t count, std::uint8_t fill = 0xA5)
      : storage_(static_cast<std::size_t>(count) + kShift, fill) {}
  explicit Bytes(const std::vector<std::uint8_t>& values)
      : Bytes(static_cast<std::int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), data());
  }
  std::uint8_t* data() { return storage_.data() + kShift; }
  std::vector<std::uint8_t> values() const {
    return {storage_.begin() + static_cast<std::ptrdiff_t>(kShift), storage_.end()};
  }

 private:
  static constexpr std::size_t kShift = 3;
  std::vector<std::uint8_t> storage_;
};

// "at 17: 3, expected 4", or "" where equal.
inline std::string difference(const std::vector<std::uint8_t>& actual,
                              const std::vector<std::uint8_t>& expected) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] != expected[i]) {
      return "at " + std::to_string(i) + " of " + std::to_string(actual.size()) + ": " +
             std::to_string(actual[i]) + ", expected " + std::to_string(expected[i]);
    }
  }
  return {};
}

}  // namespace quant::oracle
