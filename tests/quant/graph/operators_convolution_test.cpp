// SPDX-License-Identifier: MIT
// Conv and ConvTranspose over odd sizes, groups, dilations and pads; their channels-last and fused
// forms.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

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

struct Fused {
  std::string activation;  // empty: none
  double (*function)(double);
};
const Fused kFusedActivations[] = {
    {"", [](double x) { return x; }},
    {"Relu", [](double x) { return std::max(0.0, x); }},
    {"LeakyRelu", [](double x) { return x < 0 ? 0.25 * x : x; }},
    {"Clip", [](double x) { return std::clamp(x, -0.5, 0.75); }},
    {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"Silu", [](double x) { return x / (1 + std::exp(-x)); }},
};

// One for each kind of kernel that the library is asked for, at sizes that fill no tile.
const ConvolutionCase kKernelKinds[] = {
    {"strided", {2, 5, 9, 7}, {6, 5, 3, 3}, 1, {2, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"few outputs", {1, 21, 6, 5}, {7, 21, 3, 3}, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"Winograd, blocks as they lie",
     {1, 16, 9, 7},
     {16, 16, 3, 3},
     1,
     {1, 1},
     {1, 1},
     {1, 1, 1, 1},
     {}},
    {"Winograd, no padding", {1, 40, 9, 11}, {33, 40, 3, 3}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {}},
    {"Winograd, one side padded",
     {2, 17, 5, 8},
     {48, 17, 3, 3},
     1,
     {1, 1},
     {1, 1},
     {1, 0, 0, 1},
     {}},
    {"Winograd, more channels",
     {1, 64, 15, 13},
     {48, 64, 3, 3},
     1,
     {1, 1},
     {1, 1},
     {1, 1, 1, 1},
     {}},
    {"Winograd, one pixel", {1, 32, 1, 1}, {32, 32, 3, 3}, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"dilated", {1, 16, 9, 9}, {32, 16, 3, 3}, 1, {1, 1}, {2, 2}, {2, 2, 2, 2}, {}},
    {"depthwise", {1, 21, 9, 7}, {21, 1, 3, 3}, 21, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"depthwise, a block", {1, 16, 9, 7}, {16, 1, 5, 5}, 16, {2, 2}, {1, 1}, {2, 2, 2, 2}, {}},
    {"pointwise", {1, 19, 4, 5}, {35, 19, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {}},
};

// The engine's own forms of a convolution: channels last, with an addition and an activation fused.
TEST(Convolution, ChannelsLastAndFusedFormsAgree) {
  const auto last = [](const Tensor& tensor) {
    return std::move((*run_all(OpKind::kTranspose, {tensor}, {{"perm", Ints{0, 2, 3, 1}}}))[0]);
  };
  for (const ConvolutionCase& c : kKernelKinds) {
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const Tensor bias = random_tensor({c.w[0]}, 3);
    const Tensor plain = naive_convolution(c, x, w, bias);
    const Tensor addend = random_tensor(plain.shape(), 4);
    for (const Fused& fused : kFusedActivations) {
      for (const bool adds : {false, true}) {
        Tensor expected(DataType::kFloat32, plain.shape());
        for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
          const float sum = plain.data<float>()[i] + (adds ? addend.data<float>()[i] : 0.0F);
          expected.data<float>()[i] = static_cast<float>(fused.function(sum));
        }
        NamedAttributes attributes = attributes_of(c);
        if (adds) attributes.emplace_back("quant.addend", std::int64_t{1});
        if (!fused.activation.empty()) {
          const bool clip = fused.activation == "Clip";
          attributes.emplace_back("quant.activation", fused.activation);
          attributes.emplace_back("quant.activation_alpha", clip ? -0.5F : 0.25F);
          if (clip) attributes.emplace_back("quant.activation_beta", 0.75F);
        }
        OptionalTensors inputs{x, w, bias};
        if (adds) inputs.emplace_back(addend);
        const std::string what =
            c.name + ", " + fused.activation + (adds ? ", an addition" : ", no addition");
        const auto first = run_all(OpKind::kConv, inputs, attributes);
        ASSERT_TRUE(first) << what << ": " << first.error().text();
        expect_close((*first)[0], expected, 1e-5, what + ", ONNX order");
        attributes.emplace_back("quant.channels_last", std::int64_t{1});
        inputs[0] = last(x);
        if (adds) inputs[3] = last(addend);
        const auto second = run_all(OpKind::kConv, inputs, attributes);
        ASSERT_TRUE(second) << what << ": " << second.error().text();
        expect_close((*second)[0], last(expected), 1e-5, what + ", channels last");
      }
    }
  }
}

}  // namespace
}  // namespace quant::test
