// SPDX-License-Identifier: MIT
// Conv and ConvTranspose over odd sizes, groups, dilations and pads; their channels-last and fused
// forms.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <utility>

#include "quant/graph/naive_oracle.h"

namespace quant::test {
namespace {

TEST(Convolution, AgreesWithTheDefinition) {
  for (const ConvolutionCase& c : kConvolutions) {
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const Tensor bias = random_tensor({c.w[0]}, 3);
    const Tensor zeros(DataType::kFloat32, Shape{c.w[0]});
    const auto with_bias = run_all(OpKind::kConv, {x, w, bias}, attributes_of(c));
    ASSERT_TRUE(with_bias) << c.name << ": " << with_bias.error().text();
    expect_close((*with_bias)[0], naive_convolution(c, x, w, bias), 1e-5, c.name);
    const auto without = run_all(OpKind::kConv, {x, w}, attributes_of(c));
    ASSERT_TRUE(without) << c.name << ": " << without.error().text();
    expect_close((*without)[0], naive_convolution(c, x, w, zeros), 1e-5, c.name + " without bias");
  }
}

const ConvolutionCase kTransposed[] = {
    {"1D", {2, 3, 7}, {3, 5, 4}, 1, {3}, {1}, {1, 2}, {}},
    {"2x2 stride 2", {1, 6, 5, 4}, {6, 7, 2, 2}, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}, {}},
    {"4x4 stride 2", {1, 16, 5, 6}, {16, 8, 4, 4}, 1, {2, 2}, {1, 1}, {1, 1, 1, 1}, {}},
    {"output padding inside the padding",
     {1, 3, 5, 5},
     {3, 4, 3, 3},
     1,
     {2, 2},
     {1, 1},
     {1, 1, 1, 1},
     {1, 1}},
    // The last rows and columns are reached by no input: bias alone.
    {"output padding beyond it",
     {2, 3, 4, 5},
     {3, 4, 2, 2},
     1,
     {3, 3},
     {1, 1},
     {0, 0, 0, 0},
     {2, 1}},
    {"groups", {1, 6, 4, 5}, {6, 2, 3, 3}, 3, {2, 1}, {1, 1}, {0, 1, 1, 0}, {}},
    {"depthwise", {1, 9, 4, 4}, {9, 1, 4, 4}, 9, {2, 2}, {1, 1}, {1, 1, 1, 1}, {}},
    {"dilated", {1, 2, 5, 4}, {2, 3, 3, 2}, 1, {1, 2}, {2, 3}, {1, 0, 2, 1}, {}},
    {"3D", {1, 2, 3, 4, 3}, {2, 3, 2, 3, 2}, 1, {2, 1, 2}, {1, 1, 1}, {0, 1, 0, 1, 0, 0}, {}},
};

TEST(TransposedConvolution, AgreesWithTheDefinition) {
  for (const ConvolutionCase& c : kTransposed) {
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const Tensor bias = random_tensor({c.w[1] * c.group}, 3);
    const auto result = run_all(OpKind::kConvTranspose, {x, w, bias}, attributes_of(c));
    ASSERT_TRUE(result) << c.name << ": " << result.error().text();
    expect_close((*result)[0], naive_transposed(c, x, w, bias), 1e-5, c.name);
  }
}

TEST(TransposedConvolution, OutputShapeDecidesThePadding) {
  // Total padding (5−1)·2 + 3 − 10 = 1: at the beginning, except with SAME_UPPER.
  const Tensor x = random_tensor({1, 2, 5}, 1);
  const Tensor w = random_tensor({2, 3, 3}, 2);
  const Tensor zeros(DataType::kFloat32, Shape{3});
  for (const bool upper : {false, true}) {
    NamedAttributes attributes{{"strides", Ints{2}}, {"output_shape", Ints{10}}};
    if (upper) attributes.emplace_back("auto_pad", std::string("SAME_UPPER"));
    const auto result = run_all(OpKind::kConvTranspose, {x, w}, attributes);
    ASSERT_TRUE(result) << result.error().text();
    const ConvolutionCase c{"", {1, 2, 5}, {2, 3, 3}, 1, {2}, {1}, upper ? Ints{0, 1} : Ints{1, 0},
                            {}};
    expect_close((*result)[0], naive_transposed(c, x, w, zeros), 1e-5, upper ? "upper" : "lower");
  }
}

TEST(Convolution, AutoPadKeepsTheSizeDividedByTheStride) {
  const Tensor x = random_tensor({1, 2, 7, 7}, 1);
  const Tensor w = random_tensor({3, 2, 4, 4}, 2);
  const Tensor zeros(DataType::kFloat32, Shape{3});
  for (const std::string mode : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    const auto result =
        run_all(OpKind::kConv, {x, w}, {{"auto_pad", mode}, {"strides", Ints{2, 2}}});
    ASSERT_TRUE(result) << result.error().text();
    // 4 outputs need (4−1)·2 + 4 − 7 = 3 elements of padding.
    const Ints pads = mode == "SAME_UPPER"   ? Ints{1, 1, 2, 2}
                      : mode == "SAME_LOWER" ? Ints{2, 2, 1, 1}
                                             : Ints{0, 0, 0, 0};
    const ConvolutionCase c{"", x.shape(), w.shape(), 1, {2, 2}, {1, 1}, pads, {}};
    expect_close((*result)[0], naive_convolution(c, x, w, zeros), 1e-5, mode);
  }
}

// The engine's own forms of a convolution: channels last, with an addition and an activation fused.
TEST(Convolution, ChannelsLastAndFusedFormsAgree) {
  const ConvolutionCase c{"", {2, 5, 9, 7}, {6, 5, 3, 3}, 1, {2, 1}, {1, 1}, {1, 1, 1, 1}, {}};
  const Tensor x = random_tensor(c.x, 1);
  const Tensor w = random_tensor(c.w, 2);
  const Tensor bias = random_tensor({c.w[0]}, 3);
  const Tensor plain = naive_convolution(c, x, w, bias);
  const Tensor addend = random_tensor(plain.shape(), 4);
  const auto last = [](const Tensor& tensor) {
    return std::move((*run_all(OpKind::kTranspose, {tensor}, {{"perm", Ints{0, 2, 3, 1}}}))[0]);
  };
  Tensor expected(DataType::kFloat32, plain.shape());
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    expected.data<float>()[i] = std::max(0.0F, plain.data<float>()[i] + addend.data<float>()[i]);
  }
  NamedAttributes attributes = attributes_of(c);
  attributes.emplace_back("quant.addend", std::int64_t{1});
  attributes.emplace_back("quant.activation", std::string("Relu"));
  const auto first = run_all(OpKind::kConv, {x, w, bias, addend}, attributes);
  ASSERT_TRUE(first) << first.error().text();
  expect_close((*first)[0], expected, 1e-5, "ONNX order");
  attributes.emplace_back("quant.channels_last", std::int64_t{1});
  const Tensor x_last = last(x);
  const Tensor addend_last = last(addend);
  const auto second = run_all(OpKind::kConv, {x_last, w, bias, addend_last}, attributes);
  ASSERT_TRUE(second) << second.error().text();
  expect_close((*second)[0], last(expected), 1e-5, "channels last");
}

}  // namespace
}  // namespace quant::test
