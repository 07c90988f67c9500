// SPDX-License-Identifier: MIT
// QuantizeLinear, DequantizeLinear and the QLinear operators, with equality.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "quant/graph/naive_oracle.h"

namespace quant::test {
namespace {

template <typename T>
Tensor random_integers(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> distribution(std::numeric_limits<T>::lowest(),
                                                  std::numeric_limits<T>::max());
  Tensor tensor(DataTypeOf<T>::value, shape);
  for (T& value : tensor.data<T>()) value = static_cast<T>(distribution(generator));
  return tensor;
}

// float32(accumulator) times the combined scale, half to even, saturated: with equality.
template <typename T>
T requantized(std::int64_t accumulator, float multiplier, int zero_point) {
  const float value =
      std::nearbyint(static_cast<float>(accumulator) * multiplier) + static_cast<float>(zero_point);
  return static_cast<T>(std::clamp(value, static_cast<float>(std::numeric_limits<T>::lowest()),
                                   static_cast<float>(std::numeric_limits<T>::max())));
}

TEST(QLinearConv, AgreesWithTheDefinition) {
  for (const ConvolutionCase& c : kConvolutions) {
    const Tensor x = random_integers<std::uint8_t>(c.x, 1);
    const Tensor w = random_integers<std::int8_t>(c.w, 2);
    const std::int64_t channels = c.w[0];
    Tensor w_scale = random_tensor({channels}, 3);
    for (float& value : w_scale.data<float>()) value = 0.01F + 0.005F * std::fabs(value);
    Tensor w_zero(DataType::kInt8, Shape{channels});
    w_zero.data<std::int8_t>()[0] = 3;
    Tensor bias(DataType::kInt32, Shape{channels});
    for (std::int64_t i = 0; i < channels; ++i)
      bias.data<std::int32_t>()[static_cast<std::size_t>(i)] =
          static_cast<std::int32_t>(100 * i - 250);
    const Tensor x_scale = Tensor::scalar(0.02F);
    const Tensor x_zero = Tensor::scalar<std::uint8_t>(117);
    const Tensor y_scale = Tensor::scalar(0.6F);
    const Tensor y_zero = Tensor::scalar<std::uint8_t>(120);
    const auto result =
        run_all(OpKind::kQLinearConv,
                {x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias}, attributes_of(c));
    ASSERT_TRUE(result) << c.name << ": " << result.error().text();
    // The same convolution on the integers' values: exact in double.
    Tensor x_real(DataType::kFloat32, c.x);
    Tensor w_real(DataType::kFloat32, c.w);
    const std::size_t per_channel =
        w.data<std::int8_t>().size() / static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < x_real.data<float>().size(); ++i) {
      x_real.data<float>()[i] = static_cast<float>(x.data<std::uint8_t>()[i]) - 117;
    }
    for (std::size_t i = 0; i < w_real.data<float>().size(); ++i) {
      w_real.data<float>()[i] = static_cast<float>(w.data<std::int8_t>()[i] -
                                                   w_zero.data<std::int8_t>()[i / per_channel]);
    }
    Tensor bias_real(DataType::kFloat32, Shape{channels});
    std::ranges::copy(bias.data<std::int32_t>(), bias_real.data<float>().begin());
    const Tensor sums = naive_convolution(c, x_real, w_real, bias_real);
    ASSERT_EQ((*result)[0].shape(), sums.shape()) << c.name;
    const std::size_t pixels = static_cast<std::size_t>(element_count(spatial_of(sums.shape())));
    for (std::size_t i = 0; i < sums.data<float>().size(); ++i) {
      const float scale =
          0.02F * w_scale.data<float>()[i / pixels % static_cast<std::size_t>(channels)] / 0.6F;
      ASSERT_EQ(
          (*result)[0].data<std::uint8_t>()[i],
          requantized<std::uint8_t>(static_cast<std::int64_t>(sums.data<float>()[i]), scale, 120))
          << c.name << ", element " << i;
    }
  }
}

TEST(QLinearMatMul, AgreesWithTheDefinition) {
  const Tensor a = random_integers<std::int8_t>({2, 1, 5, 33}, 1);
  const Tensor b = random_integers<std::uint8_t>({3, 33, 7}, 2);
  const Tensor a_scale = Tensor::scalar(0.01F);
  const Tensor a_zero = Tensor::scalar<std::int8_t>(-4);
  Tensor b_scale = random_tensor({7}, 3);
  for (float& value : b_scale.data<float>()) value = 0.01F + 0.01F * std::fabs(value);
  const Tensor b_zero = random_integers<std::uint8_t>({7}, 4);
  const Tensor y_scale = Tensor::scalar(0.3F);
  const Tensor y_zero = Tensor::scalar<std::int8_t>(5);
  const auto result =
      run_all(OpKind::kQLinearMatMul, {a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero});
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ((*result)[0].shape(), (Shape{2, 3, 5, 7}));
  for_each_index({2, 3, 5, 7}, [&](const Ints& out) {
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < 33; ++k) {
      const int left = a.data<std::int8_t>()[offset_of(a.shape(), {out[0], 0, out[2], k})] + 4;
      const int right = b.data<std::uint8_t>()[offset_of(b.shape(), {out[1], k, out[3]})] -
                        b_zero.data<std::uint8_t>()[static_cast<std::size_t>(out[3])];
      sum += left * right;
    }
    const float scale = 0.01F * b_scale.data<float>()[static_cast<std::size_t>(out[3])] / 0.3F;
    EXPECT_EQ((*result)[0].data<std::int8_t>()[offset_of({2, 3, 5, 7}, out)],
              requantized<std::int8_t>(sum, scale, 5));
  });
}

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  const Tensor x =
      Tensor::from<float>({6}, std::vector<float>{0.5F, 1.5F, 2.5F, -0.5F, 1e9F, -1e9F});
  const Tensor scale = Tensor::scalar(1.0F);
  const Tensor zero = Tensor::scalar<std::uint8_t>(10);
  const auto bytes = run_all(OpKind::kQuantizeLinear, {x, scale, zero});
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_THAT((*bytes)[0].data<std::uint8_t>(), ::testing::ElementsAre(10, 12, 12, 10, 255, 0));
  const auto words =
      run_all(OpKind::kQuantizeLinear, {x, scale}, {{"output_dtype", std::int64_t{5}}});
  ASSERT_TRUE(words) << words.error().text();
  EXPECT_THAT((*words)[0].data<std::int16_t>(), ::testing::ElementsAre(0, 2, 2, 0, 32767, -32768));
}

TEST(DequantizeLinear, TakesOneScalePerIndexOrBlock) {
  const Tensor x =
      Tensor::from<std::int32_t>({2, 4}, std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor columns = Tensor::from<float>({4}, std::vector<float>{1, 10, 100, 1000});
  const auto each = run_all(OpKind::kDequantizeLinear, {x, columns});
  ASSERT_TRUE(each) << each.error().text();
  EXPECT_THAT((*each)[0].data<float>(), ::testing::ElementsAre(1, 20, 300, 4000, 5, 60, 700, 8000));
  const Tensor blocks = Tensor::from<float>({2, 2}, std::vector<float>{1, 10, 100, 1000});
  const auto blocked =
      run_all(OpKind::kDequantizeLinear, {x, blocks}, {{"block_size", std::int64_t{2}}});
  ASSERT_TRUE(blocked) << blocked.error().text();
  EXPECT_THAT((*blocked)[0].data<float>(),
              ::testing::ElementsAre(1, 2, 30, 40, 500, 600, 7000, 8000));
  const Tensor wrong = Tensor::from<float>({3}, std::vector<float>{1, 2, 3});
  EXPECT_FALSE(run_all(OpKind::kDequantizeLinear, {x, wrong}));
}

// Levels are rounded half to even, saturated at the ends of the table; NaN is the first.
TEST(Lookup, TakesTheEntryOfTheLevel) {
  Tensor x(DataType::kFloat32, {7});
  const float values[] = {0.0F, 0.24F, 0.25F, 0.75F, -9.0F, 9.0F, std::nanf("")};
  std::copy(std::begin(values), std::end(values), x.data<float>().begin());
  Tensor table(DataType::kFloat32, {4});
  for (std::size_t i = 0; i < 4; ++i) table.data<float>()[i] = static_cast<float>(10 * i);
  const auto result = run_all(OpKind::kLookup, {x, table}, {{"scale", 0.5F}, {"zero_point", 1.0F}});
  ASSERT_TRUE(result) << result.error().text();
  const auto y = (*result)[0].data<float>();
  EXPECT_THAT(std::vector<float>(y.begin(), y.end()),
              ::testing::ElementsAre(10, 10, 10, 30, 0, 30, 0));
  EXPECT_FALSE(run_all(OpKind::kLookup, {x, table}, {{"scale", 0.0F}}));
}

}  // namespace
}  // namespace quant::test
