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
#include "quant/arithmetic/normalization.h"
#include "quant/arithmetic/requantize.h"
#include "quant/arithmetic/softmax.h"

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

const std::map<std::string, std::function<Arguments(const Arguments&)>>& functions() {
  static const std::map<std::string, std::function<Arguments(const Arguments&)>> table = {
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
      {"fits_int32",
       [](const Arguments& a) -> Arguments {
         const std::vector<std::int16_t> weights(static_cast<std::size_t>(a[0]),
                                                 static_cast<std::int16_t>(a[1]));
         const std::int32_t zero_point = i(a[2]);
         return {
             accumulator_fits_int32(weights, {&zero_point, 1}, 255, static_cast<std::int64_t>(a[3]))
                 ? 1.0
                 : 0.0};
       }},
      {"sum_fits_int32",
       [](const Arguments& a) -> Arguments {
         return {sum_fits_int32(static_cast<std::int64_t>(a[0]), static_cast<std::int64_t>(a[1]))
                     ? 1.0
                     : 0.0};
       }},
      {"quantize_u8",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(quantize_u8(f(a[0]), {f(a[1]), f(a[2])}))};
       }},
      {"dequantize",
       [](const Arguments& a) -> Arguments {
         return {dequantize(i(a[0]), {f(a[1]), f(a[2])})};
       }},
      {"add", [](const Arguments& a) { return binary<float>(BinaryOp::kAdd, a, 255); }},
      {"sub", [](const Arguments& a) { return binary<float>(BinaryOp::kSub, a, 255); }},
      {"min", [](const Arguments& a) { return binary<float>(BinaryOp::kMin, a, 255); }},
      {"max", [](const Arguments& a) { return binary<float>(BinaryOp::kMax, a, 255); }},
      {"mul", [](const Arguments& a) { return binary<float>(BinaryOp::kMul, a, 255); }},
      {"div", [](const Arguments& a) { return binary<float>(BinaryOp::kDiv, a, 255); }},
      {"prelu",
       [](const Arguments& a) -> Arguments {
         const float t = prelu_value(i(a[0] - a[2]), prelu_multipliers(f(a[1]), f(a[3]), f(a[4])));
         return {static_cast<double>(round_to_output(t, {i(a[5]), 0, 255}))};
       }},
      {"average",
       [](const Arguments& a) -> Arguments {
         const float multiplier =
             average_multiplier(f(a[2]), f(a[3]), static_cast<std::int64_t>(a[1]));
         return {
             static_cast<double>(requantize<std::uint8_t>(i(a[0]), multiplier, {i(a[4]), 0, 255}))};
       }},
      {"exponential",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(make_softmax_table(f(a[1]))[static_cast<std::size_t>(a[0])])};
       }},
      {"softmax",
       [](const Arguments& a) -> Arguments {
         return {static_cast<double>(
             softmax_value(static_cast<std::uint32_t>(a[0]), static_cast<std::uint64_t>(a[1]),
                           static_cast<double>(f(a[2])), {i(a[3]), 0, 255}))};
       }},
      {"moments",
       [](const Arguments& a) -> Arguments {
         const auto moments =
             normalization_moments(static_cast<std::int64_t>(a[0]), static_cast<std::int64_t>(a[1]),
                                   static_cast<std::int64_t>(a[2]), f(a[3]), a[4]);
         return {moments.mean, moments.inverse};
       }},
      {"normalized",
       [](const Arguments& a) -> Arguments {
         const float t = normalized_value<float>(i(a[0]), {f(a[1]), f(a[2])},
                                                 normalization_affine(f(a[3]), f(a[4]), f(a[5])));
         return {static_cast<double>(round_to_output(t, {i(a[6]), 0, 255}))};
       }},
  };
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
  std::map<std::string, int> seen;
  for (std::string line; std::getline(file, line);) {
    const auto arrow = line.find(" -> ");
    if (!line.starts_with("    ") || arrow == std::string::npos) continue;
    SCOPED_TRACE(line);
    std::istringstream words(line.substr(0, arrow));
    std::string name;
    words >> name;
    ASSERT_TRUE(functions().contains(name));
    ++seen[name];
    std::string rest;
    std::getline(words, rest);
    const Arguments want = numbers(line.substr(arrow + 4));
    const Arguments got = functions().at(name)(numbers(rest));
    ASSERT_EQ(got.size(), want.size());
    // Printed figures are the shortest decimals of float32 values.
    for (std::size_t k = 0; k < want.size(); ++k) EXPECT_EQ(f(got[k]), f(want[k]));
  }
  for (const auto& [name, function] : functions()) EXPECT_GT(seen[name], 0) << name;
}

}  // namespace
}  // namespace quant
