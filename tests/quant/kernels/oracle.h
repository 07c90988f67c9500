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
#include "quant/tensor/data_type.h"

namespace quant::oracle {

// Holds every sum and product of two doubles well enough to be rounded again without harm.
#if defined(__SIZEOF_FLOAT128__)
__extension__ using Exact = __float128;
#else
using Exact = long double;
#endif

// `value` rounded once, as an IEEE-754 operation would: to float64 where `wide`, else to float32.
inline Exact rounded(Exact value, bool wide) {
  return wide ? Exact{static_cast<double>(value)} : Exact{static_cast<float>(value)};
}

inline long long round_half_even(long double value) {
  const long double below = std::floor(value);
  const long double rest = value - below;
  const auto integer = static_cast<long long>(below);
  if (rest > 0.5L) return integer + 1;
  if (rest < 0.5L) return integer;
  return integer % 2 == 0 ? integer : integer + 1;
}

// q of a real value already in units of the output's scale.
inline std::int32_t to_output(Exact t, int zero_point, int qmin, int qmax) {
  if (t > 1e6L) return qmax;
  if (t < -1e6L) return qmin;
  const long long q = round_half_even(static_cast<long double>(t)) + zero_point;
  return static_cast<std::int32_t>(std::min<long long>(std::max<long long>(q, qmin), qmax));
}

// Integers of an activation, whatever their type.
using Levels = std::vector<std::int32_t>;

inline std::int32_t greatest(DataType type) { return type == DataType::kUint16 ? 65535 : 255; }

// Whether one of the types has 16 bits: every step is in float64 then.
template <typename... Types>
bool any_wide(Types... types) {
  return ((types == DataType::kUint16 || types == DataType::kInt16) || ...);
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
  // uint8 or uint16.
  DataType activation() { return chance(50) ? DataType::kUint8 : DataType::kUint16; }
  template <typename T>
  std::vector<T> vector(std::int64_t count, std::int64_t low, std::int64_t high) {
    std::vector<T> values(static_cast<std::size_t>(count));
    for (T& value : values) value = static_cast<T>(in(low, high));
    return values;
  }
  // Activations: spread, all 0, all the greatest, or only the two ends.
  Levels activations(std::int64_t count, DataType type = DataType::kUint8) {
    const std::int32_t highest = greatest(type);
    const auto kind = in(0, 9);
    if (kind == 0) return Levels(static_cast<std::size_t>(count), 0);
    if (kind == 1) return Levels(static_cast<std::size_t>(count), highest);
    auto values = vector<std::int32_t>(count, 0, kind == 2 ? 1 : highest);
    if (kind == 2) {
      for (auto& value : values) value *= highest;
    }
    return values;
  }
  // int8 or int16: spread, or all at one end.
  std::vector<std::int16_t> weights(std::int64_t count, DataType type = DataType::kInt8) {
    const std::int16_t low = type == DataType::kInt16 ? -32768 : -128;
    const std::int16_t high = type == DataType::kInt16 ? 32767 : 127;
    const auto kind = in(0, 9);
    if (kind == 0) return std::vector<std::int16_t>(static_cast<std::size_t>(count), low);
    if (kind == 1) return std::vector<std::int16_t>(static_cast<std::size_t>(count), high);
    return vector<std::int16_t>(count, low, high);
  }
  // Often an end of the range.
  std::int32_t zero_point(DataType type = DataType::kUint8) {
    const auto kind = in(0, 4);
    const std::int32_t highest = greatest(type);
    return kind == 0 ? 0 : kind == 1 ? highest : static_cast<std::int32_t>(in(0, highest));
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

// Elements at an address that is aligned for nothing else, ended by the end of the allocation:
// sanitizers see a read past the data.
class Elements {
 public:
  Elements(DataType type, std::int64_t count) : Elements(type, Levels(size(count), kFill)) {}
  Elements(DataType type, const Levels& levels) : type_(type) {
    if (type == DataType::kUint16) {
      wide_.assign(kShift, 0);
      wide_.insert(wide_.end(), levels.begin(), levels.end());
    } else {
      bytes_.assign(kShift, 0);
      bytes_.insert(bytes_.end(), levels.begin(), levels.end());
    }
  }

  void* data() {
    if (type_ == DataType::kUint16) return wide_.data() + kShift;
    return bytes_.data() + kShift;
  }
  Levels levels() const {
    if (type_ == DataType::kUint16) return {wide_.begin() + kShift, wide_.end()};
    return {bytes_.begin() + kShift, bytes_.end()};
  }

  // What a kernel leaves where it writes nothing.
  static constexpr std::int32_t kFill = 0xA5;

 private:
  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
  static constexpr int kShift = 3;
  DataType type_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> wide_;
};

// "at 17: 3, expected 4", or "" where equal.
inline std::string difference(const Levels& actual, const Levels& expected) {
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
