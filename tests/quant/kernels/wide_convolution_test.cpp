// SPDX-License-Identifier: MIT
// Convolutions whose sums or elements are wider than bytes in int32, at their extremes.
#include <gtest/gtest.h>

#include <cmath>

#include "convolution_case.h"

namespace quant::integer {
namespace {

// 1×1 of words without zero point and bias, scales 1: the same activation and weight everywhere.
Case words(std::int64_t pixels, std::int64_t inputs, std::int64_t outputs, std::int32_t activation,
           std::int16_t weight, oracle::Random& random) {
  Case c;
  c.shape.in_w = c.shape.out_w = pixels;
  c.shape.in_c = inputs;
  c.shape.out_c = outputs;
  c.input_type = c.output_type = DataType::kUint16;
  c.weight_type = DataType::kInt16;
  fill(c, random);
  c.bias.clear();
  c.zero_points = {0};
  c.weights.assign(c.weights.size(), weight);
  c.input.assign(c.input.size(), activation);
  c.weight_scales = {1};
  c.input_scale = 1;
  return c;
}

// Widths of vectors, what is left behind them, and as many taps as int32 holds the sums of, or
// more; every sum as far from zero as it gets.
TEST(Conv2d, DepthwiseOfSixteenBitsEqualsTheOracle) {
  oracle::Random random(1900);
  for (const std::int64_t channels : {1, 7, 8, 9, 12, 16, 24, 31, 32, 33, 58, 100}) {
    for (const std::int64_t kernel : {1, 3, 16, 17}) {
      if (kernel > 3 && channels > 9) continue;
      for (const std::int16_t weight : {std::int16_t{-32768}, std::int16_t{32767}}) {
        Case c;
        Conv2dShape& s = c.shape;
        c.input_type = random.chance(70) ? DataType::kUint16 : DataType::kUint8;
        c.output_type = random.chance(70) ? DataType::kUint16 : DataType::kUint8;
        c.weight_type = DataType::kInt16;
        s.in_c = s.out_c = s.groups = channels;
        s.kernel_h = s.kernel_w = kernel;
        s.pad_top = s.pad_left = kernel / 2;
        s.in_h = s.in_w = s.out_h = s.out_w = 6;
        fill(c, random);
        if (random.chance(50)) {
          c.weights.assign(c.weights.size(), weight);
          c.input.assign(c.input.size(), oracle::greatest(c.input_type));
        }
        check<Conv2d, Conv2dSpec>(c, false);
      }
    }
  }
}

// Sums that may leave int32 are taken in int64 and requantized in double.
TEST(Conv2d, WideAccumulatorWhereInt32MightOverflow) {
  oracle::Random random(5000);
  Case c;
  c.shape.in_w = c.shape.out_w = 3;
  c.shape.in_c = 200;
  c.shape.out_c = 5;
  fill(c, random);
  c.bias = {2147483647, -2147483647 - 1, 2147480000, 0, 5};
  c.zero_points = {0};
  c.weights.assign(c.weights.size(), 127);
  c.input.assign(c.input.size(), 255);
  c.weight_scales = {1};
  c.input_scale = 1;
  c.output_scales = {3e7F};
  c.outputs = {{77, 0, 255}};
  check<Conv2d, Conv2dSpec>(c, false, true);
  c.shape.out_w = 3;
  ConvTranspose2dSpec spec;
  static_cast<Conv2dSpec&>(spec) = spec_of(c);
  EXPECT_TRUE(ConvTranspose2d(spec, available_isas().front()).wide());
}

// Every combination of types on the largest sums that they can make: K·(2^16 − 1)·2^15 from one
// side, the same from the other.
TEST(Conv2d, ExtremeProductsOfSixteenBits) {
  for (const DataType input : {DataType::kUint8, DataType::kUint16}) {
    for (const DataType weight : {DataType::kInt8, DataType::kInt16}) {
      for (const DataType output : {DataType::kUint8, DataType::kUint16}) {
        for (const bool upwards : {false, true}) {
          oracle::Random random(4500);
          Case c;
          c.input_type = input;
          c.weight_type = weight;
          c.output_type = output;
          Conv2dShape& s = c.shape;
          s.in_h = s.in_w = s.out_h = s.out_w = 3;
          s.kernel_h = s.kernel_w = 3;
          s.pad_top = s.pad_left = 1;
          s.in_c = 23;
          s.out_c = 19;
          fill(c, random);
          const int least = weight == DataType::kInt16 ? -32768 : -128;
          c.weights.assign(c.weights.size(),
                           static_cast<std::int16_t>(upwards ? -least - 1 : least));
          c.weights[5] = static_cast<std::int16_t>(least / 3);
          c.input.assign(c.input.size(), oracle::greatest(input));
          c.input[7] = 1;
          c.zero_points = {0};
          c.weight_scales = {1};
          c.input_scale = 1;
          // 9·23 products land at a third of the output's range.
          c.output_scales = {3.0F * 207 * static_cast<float>(oracle::greatest(input)) *
                             static_cast<float>(-least) /
                             static_cast<float>(oracle::greatest(output))};
          c.outputs = {{oracle::greatest(output) / 2, 0, oracle::greatest(output)}};
          check<Conv2d, Conv2dSpec>(c, false);
        }
      }
    }
  }
}

// Where a sum of words is taken modulo 2^32 and its carries are estimated from high bytes, the
// estimate is off by the most that a product can make it, one way or the other, in every product:
// for a = 255 (of which the high byte says 0) and w = −32513 (−128·256 + 255), 256·128·255 +
// 255·32513. Lengths around that at which carries are taken over, and some that are not whole
// steps.
TEST(Conv2d, CarriesOfWordsAreTakenOverInTime) {
  oracle::Random random(5050);
  struct Product {
    std::int32_t activation;
    std::int16_t weight;
  };
  for (const Product product : {Product{255, -32513}, Product{65535, 32767}, Product{0, 32767},
                                Product{0, -32513}, Product{255, 255}}) {
    for (const std::int64_t inputs : {1, 3, 127, 128, 129, 255, 256, 260, 1021, 4097}) {
      Case c = words(13, inputs, 35, product.activation, product.weight, random);
      c.pixel_stride = 0;
      // Not all the same, so that a pixel or channel that is taken for another shows.
      for (std::size_t i = 0; i < c.input.size(); i += 11) c.input[i] ^= 1;
      for (std::size_t i = 0; i < c.weights.size(); i += 13) c.weights[i] ^= 2;
      // Sums end inside the output's range, and 2^32 away from where they belong leave it or move
      // far.
      c.output_scales = {static_cast<float>(std::max<double>(
          inputs, std::abs(double(inputs) * product.activation * product.weight) / 25000))};
      c.outputs = {{30000, 0, 65535}};
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

// Where the products of bytes are summed in int32, 32768 of the greatest just fit; more are summed
// otherwise.
TEST(Conv2d, SumsOfBytesOfLongRowsOfWordsFit) {
  oracle::Random random(5100);
  for (const std::int64_t inputs : {32768, 32772}) {
    for (const std::int16_t weight :
         {std::int16_t{-32768}, std::int16_t{32767}, std::int16_t{-129}}) {
      Case c = words(2, inputs, 3, 65535, weight, random);
      c.output_scales = {3e9F};
      c.outputs = {{40000, 0, 65535}};
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

// A bias that takes the sums past 2^53, which doubles no longer hold: scalar, in int64, and rounded
// once on the way to the double of the rule.
TEST(Conv2d, BeyondFloat64SumsAreScalar) {
  oracle::Random random(5500);
  Case c;
  c.input_type = c.output_type = DataType::kUint16;
  c.weight_type = DataType::kInt16;
  c.shape.in_w = c.shape.out_w = 40;
  c.shape.in_c = 7;
  c.shape.out_c = 4;
  fill(c, random);
  c.bias = {std::int64_t{1} << 53, -(std::int64_t{1} << 53), (std::int64_t{1} << 53) - 1, 0};
  c.zero_points = {0};
  c.weight_scales = {1};
  c.input_scale = 1;
  c.output_scales = {4e11F};  // 2^53 / 4e11 = 22518
  c.outputs = {{30000, 0, 65535}};
  check<Conv2d, Conv2dSpec>(c, false, false, true);
}

// A bias so near to 2^53 that it leaves the doubles' integers once a kernel folds into it what it
// takes from each activation. Sums lie around one that is an output's half step away from two
// levels, so that a sum that is off by one shows.
TEST(Conv2d, BiasesThatLeaveNoRoomToFoldInto) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 53;
  constexpr std::int64_t kPixels = 64;
  oracle::Random random(5600);
  for (const std::int16_t widest : {std::int16_t{1}, std::int16_t{256}}) {
    Case c = words(kPixels, 64, 40, 0, 1, random);
    c.input_type = DataType::kUint8;
    c.pixel_stride = 0;
    // Sums of 8160 − 32 … 8160 + 31 beside the bias.
    c.input.assign(c.input.size(), 128);
    for (std::int64_t x = 0; x < kPixels; ++x) {
      c.input[static_cast<std::size_t>(x * 64)] = 0;
      c.input[static_cast<std::size_t>(x * 64 + 1)] =
          static_cast<std::int32_t>(8160 - 62 * 128 - 32 + x);
    }
    c.output_scales.clear();
    c.outputs = {{0, 0, 65535}};
    for (std::int64_t o = 0; o < 40; ++o) {
      c.weights[static_cast<std::size_t>(o * 64)] = widest;
      // 2^53 − 10^6 ≈ scale · (level + 1/2) = mantissa · odd · 2^exponent, for one odd number in
      // some.
      for (std::int64_t odd = 20001 + 1000 * o;; odd += 2) {
        int exponent = 0;
        std::frexp(static_cast<double>(kLimit) / static_cast<double>(odd), &exponent);
        exponent -= 24;
        const std::int64_t unit = odd << exponent;
        const std::int64_t mantissa = (kLimit - 1000000 + unit / 2) / unit;
        const std::int64_t sum = mantissa * unit;
        if (std::abs(kLimit - 1000000 - sum) > 800000) continue;
        c.bias.push_back(sum - 8160 - 1);
        c.output_scales.push_back(std::ldexp(static_cast<float>(mantissa), exponent + 1));
        break;
      }
    }
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

}  // namespace
}  // namespace quant::integer
