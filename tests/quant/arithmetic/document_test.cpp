// SPDX-License-Identifier: MIT
// Evaluates every example of docs/arithmetic.md, so that text and code cannot part.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "quant/arithmetic/accumulator.h"
#include "quant/arithmetic/average.h"
#include "quant/arithmetic/edge.h"
#include "quant/arithmetic/elementwise.h"
#include "quant/arithmetic/lookup_table.h"
#include "quant/arithmetic/normalization.h"
#include "quant/arithmetic/requantize.h"
#include "quant/arithmetic/softmax.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

using Arguments = std::vector<double>;

float f(double value) { return static_cast<float>(value); }
std::int32_t i(double value) { return static_cast<std::int32_t>(value); }

OutputRange range(const Arguments& a, std::size_t first) {
  return {i(a[first]), i(a[first + 1]), i(a[first + 2])};
}

// Real: float for 8-bit tensors, double where one has 16 bits.
template <typename Real>
Arguments binary(BinaryOp op, const Arguments& a, std::int32_t highest) {
  const auto multipliers = binary_multipliers<Real>(op, f(a[1]), f(a[4]), f(a[6]));
  const Real t = binary_value(op, i(a[0] - a[2]), i(a[3] - a[5]), multipliers);
  return {static_cast<double>(round_to_output(t, {i(a[7]), 0, highest}))};
}

Arguments change(const Arguments& a, DataType input, DataType output) {
  const OutputRange range{i(a[4]), 0, greatest_activation(output)};
  const auto table = make_requantize_table({f(a[1]), i(a[2])}, f(a[3]), range, input, output);
  return {static_cast<double>(table[static_cast<std::size_t>(a[0])])};
}

template <typename Real>
Arguments prelu(const Arguments& a, std::int32_t highest) {
  const Real t = prelu_value(i(a[0] - a[2]), prelu_multipliers<Real>(f(a[1]), f(a[3]), f(a[4])));
  return {static_cast<double>(round_to_output(t, {i(a[5]), 0, highest}))};
}

template <typename Output, typename Real>
Arguments average(const Arguments& a, std::int32_t highest) {
  const auto multiplier =
      average_multiplier<Real>(f(a[2]), f(a[3]), static_cast<std::int64_t>(a[1]));
  return {static_cast<double>(requantize<Output>(i(a[0]), multiplier, {i(a[4]), 0, highest}))};
}

Arguments softmax(const Arguments& a, std::int32_t highest) {
  return {static_cast<double>(softmax_value(static_cast<std::uint32_t>(a[0]),
                                            static_cast<std::uint64_t>(a[1]),
                                            static_cast<double>(f(a[2])), {i(a[3]), 0, highest}))};
}

template <typename Real>
Arguments moments(const Arguments& a) {
  const auto result =
      normalization_moments<Real>(static_cast<std::int64_t>(a[0]), static_cast<std::int64_t>(a[1]),
                                  static_cast<std::int64_t>(a[2]), f(a[3]), a[4]);
  return {static_cast<double>(result.mean), static_cast<double>(result.inverse)};
}

template <typename Real>
Arguments normalized(const Arguments& a, std::int32_t highest) {
  const NormalizationMoments<Real> given{static_cast<Real>(a[1]), static_cast<Real>(a[2])};
  const Real t =
      normalized_value(i(a[0]), given, normalization_affine<Real>(f(a[3]), f(a[4]), f(a[5])));
  return {static_cast<double>(round_to_output(t, {i(a[6]), 0, highest}))};
}

Arguments truth(bool value) { return {value ? 1.0 : 0.0}; }

using Functions = std::map<std::string, std::function<Arguments(const Arguments&)>>;

Functions functions() {
  Functions table = {
      {"multiplier",
       [](const Arguments& a) -> Arguments {
         const float scale = f(a[1]);
         return {make_requantization(f(a[0]), {&scale, 1}, f(a[2]), {}).multipliers[0]};
       }},
      {"requantize_u8",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(requantize<std::uint8_t>(i(a[0]), f(a[1]), range(a, 2)))};
       }},
      {"requantize_u8_wide",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(
             requantize<std::uint8_t>(static_cast<std::int64_t>(a[0]), a[1], range(a, 2)))};
       }},
      {"requantize_u16",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(
             requantize<std::uint16_t>(static_cast<std::int64_t>(a[0]), a[1], range(a, 2)))};
       }},
      {"multiplier_wide",
       [](const Arguments& a) -> Arguments {
         const float scale = f(a[1]);
         return {make_requantization(f(a[0]), {&scale, 1}, f(a[2]), {}).wide_multipliers[0]};
       }},
      {"change", [](const Arguments& a) { return change(a, DataType::kUint8, DataType::kUint8); }},
      {"change_u8_u16",
       [](const Arguments& a) { return change(a, DataType::kUint8, DataType::kUint16); }},
      {"change_u16_u8",
       [](const Arguments& a) { return change(a, DataType::kUint16, DataType::kUint8); }},
      {"fits_int32",
       [](const Arguments& a) {
         const std::vector<std::int16_t> weights(static_cast<std::size_t>(a[0]),
                                                 static_cast<std::int16_t>(a[1]));
         const std::int32_t zero_point = i(a[2]);
         return truth(accumulator_fits_int32(weights, {&zero_point, 1}, 255,
                                             static_cast<std::int64_t>(a[3])));
       }},
      {"fits_float64",
       [](const Arguments& a) {
         const std::vector<std::int16_t> weights(static_cast<std::size_t>(a[0]),
                                                 static_cast<std::int16_t>(a[1]));
         return truth(accumulator_fits_float64(weights, i(a[2]), static_cast<std::int64_t>(a[3])));
       }},
      {"sum_fits_int32",
       [](const Arguments& a) {
         return truth(
             sum_fits_int32(static_cast<std::int64_t>(a[0]), static_cast<std::int64_t>(a[1])));
       }},
      {"sum_fits_float64",
       [](const Arguments& a) {
         return truth(
             sum_fits_float64(static_cast<std::int64_t>(a[0]), static_cast<std::int64_t>(a[1])));
       }},
      {"quantize_u8",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(quantize_u8(f(a[0]), {f(a[1]), f(a[2])}))};
       }},
      {"dequantize",
       [](const Arguments& a) -> Arguments {
         return {dequantize(i(a[0]), {f(a[1]), f(a[2])})};
       }},
      {"prelu", [](const Arguments& a) { return prelu<float>(a, 255); }},
      {"prelu_u16", [](const Arguments& a) { return prelu<double>(a, 65535); }},
      {"average", [](const Arguments& a) { return average<std::uint8_t, float>(a, 255); }},
      {"average_u16", [](const Arguments& a) { return average<std::uint16_t, double>(a, 65535); }},
      {"exponential",
       [](const Arguments& a) -> Arguments {
         const SoftmaxTable exponentials = make_softmax_table(f(a[1]), DataType::kUint16);
         return {static_cast<double>(exponentials[static_cast<std::size_t>(a[0])])};
       }},
      {"softmax", [](const Arguments& a) { return softmax(a, 255); }},
      {"softmax_u16", [](const Arguments& a) { return softmax(a, 65535); }},
      {"moments", moments<float>},
      {"moments_u16", moments<double>},
      {"normalized", [](const Arguments& a) { return normalized<float>(a, 255); }},
      {"normalized_u16", [](const Arguments& a) { return normalized<double>(a, 65535); }},
  };
  for (const auto& [name, op] :
       {std::pair("add", BinaryOp::kAdd), std::pair("sub", BinaryOp::kSub),
        std::pair("min", BinaryOp::kMin), std::pair("max", BinaryOp::kMax),
        std::pair("mul", BinaryOp::kMul), std::pair("div", BinaryOp::kDiv)}) {
    table[name] = [op = op](const Arguments& a) { return binary<float>(op, a, 255); };
    table[std::string(name) + "_u16"] = [op = op](const Arguments& a) {
      return binary<double>(op, a, 65535);
    };
  }
  return table;
}

Arguments numbers(const std::string& text) {
  std::istringstream words(text);
  Arguments values;
  for (std::string word; words >> word;) values.push_back(std::stod(word));
  return values;
}

TEST(ArithmeticDocument, EveryExampleHolds) {
  std::ifstream file(GST_QUANT_SOURCE_DIR "/docs/arithmetic.md");
  ASSERT_TRUE(file);
  const Functions known = functions();
  std::map<std::string, int> seen;
  for (std::string line; std::getline(file, line);) {
    const auto arrow = line.find(" -> ");
    if (!line.starts_with("    ") || arrow == std::string::npos) continue;
    SCOPED_TRACE(line);
    std::istringstream words(line.substr(0, arrow));
    std::string name;
    words >> name;
    ASSERT_TRUE(known.contains(name));
    ++seen[name];
    std::string rest;
    std::getline(words, rest);
    const Arguments want = numbers(line.substr(arrow + 4));
    const Arguments got = known.at(name)(numbers(rest));
    ASSERT_EQ(got.size(), want.size());
    // Printed figures are the shortest decimals of float32 values.
    for (std::size_t k = 0; k < want.size(); ++k) EXPECT_EQ(f(got[k]), f(want[k]));
  }
  for (const auto& [name, function] : known) EXPECT_GT(seen[name], 0) << name;
}

}  // namespace
}  // namespace quant
