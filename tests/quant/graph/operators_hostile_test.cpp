// SPDX-License-Identifier: MIT
// What hostile models get to hear from the heavy operators.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "quant/graph/naive_oracle.h"

namespace quant::test {
namespace {

// What each hostile node must be told; none may crash, hang or allocate much.
TEST(HostileNodes, AreRefusedWithAReason) {
  const Tensor x = random_tensor({1, 4, 8, 8}, 1);
  const Tensor w = random_tensor({4, 4, 3, 3}, 2);
  const Tensor empty(DataType::kFloat32, Shape{4, 0, 3, 3});
  const Tensor vector = random_tensor({4}, 3);
  const Tensor long_bias = random_tensor({5}, 3);
  const Tensor bytes(DataType::kUint8, Shape{1, 4, 8, 8});
  const Tensor huge_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, 1e30F, 1});
  const Tensor zero_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, 0, 1});
  const Tensor nan_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, std::nanf(""), 1});
  const Tensor negative_sizes =
      Tensor::from<std::int64_t>({4}, std::vector<std::int64_t>{1, 4, -8, 8});
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  struct Hostile {
    OpKind op;
    NamedAttributes attributes;
    OptionalTensors inputs;
    std::string message;
  };
  const Hostile cases[] = {
      {OpKind::kConv, {{"strides", Ints{0, 1}}}, {x, w}, "strides"},
      {OpKind::kConv, {{"strides", Ints{kHuge, 1}}}, {x, w}, "strides"},
      {OpKind::kConv, {{"strides", Ints{1}}}, {x, w}, "strides has 1 values"},
      {OpKind::kConv, {{"dilations", Ints{-1, 1}}}, {x, w}, "dilations"},
      {OpKind::kConv, {{"dilations", Ints{65536, 1}}}, {x, w}, "does not fit"},
      {OpKind::kConv, {{"pads", Ints{-1, 0, 0, 0}}}, {x, w}, "pads"},
      {OpKind::kConv, {{"pads", Ints{kHuge, 0, 0, 0}}}, {x, w}, "pads"},
      {OpKind::kConv, {{"pads", Ints{0, 0}}}, {x, w}, "pads has 2 values"},
      {OpKind::kConv, {{"kernel_shape", Ints{5, 5}}}, {x, w}, "kernel_shape"},
      {OpKind::kConv, {{"group", std::int64_t{0}}}, {x, w}, "group"},
      {OpKind::kConv, {{"group", std::int64_t{3}}}, {x, w}, "do not fit"},
      {OpKind::kConv, {{"group", kHuge}}, {x, w}, "group"},
      {OpKind::kConv, {{"auto_pad", std::string("ROUND")}}, {x, w}, "auto_pad"},
      {OpKind::kConv, {}, {x, empty}, "empty"},
      {OpKind::kConv, {}, {x, vector}, "do not fit"},
      {OpKind::kConv, {}, {x, w, long_bias}, "bias"},
      {OpKind::kConv, {}, {bytes, w}, "uint8"},
      {OpKind::kConv, {}, {x, w, vector, x}, "4 inputs"},
      {OpKind::kConv, {}, {x}, "inputs"},
      {OpKind::kConvTranspose, {{"output_shape", Ints{-4, 4}}}, {x, w}, "output_shape"},
      {OpKind::kConvTranspose, {{"output_shape", Ints{kHuge, 4}}}, {x, w}, "too large"},
      {OpKind::kConvTranspose, {{"pads", Ints{6, 6, 6, 6}}}, {x, w}, "nothing"},
      {OpKind::kMaxPool, {}, {x}, "kernel_shape is missing"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{0, 2}}}, {x}, "kernel_shape"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{kHuge, 2}}}, {x}, "kernel_shape"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{9, 9}}}, {x}, "does not fit"},
      {OpKind::kMatMul, {}, {x, w}, "do not fit"},
      {OpKind::kEinsum, {{"equation", std::string("ij->k")}}, {x}, "does not fit"},
      {OpKind::kEinsum, {{"equation", std::string("abcd->e")}}, {x}, "output"},
      {OpKind::kEinsum, {{"equation", std::string("ab$d->a")}}, {x}, "cannot read"},
      {OpKind::kEinsum, {}, {x, w}, "for 1 inputs"},
      {OpKind::kResize, {}, {x, std::nullopt, huge_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {x, std::nullopt, zero_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {x, std::nullopt, nan_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {x, std::nullopt, std::nullopt, negative_sizes}, "cannot resize"},
      {OpKind::kResize, {}, {x}, "scales and sizes"},
      {OpKind::kResize, {{"mode", std::string("magic")}}, {x, std::nullopt, huge_scales}, "mode"},
      {OpKind::kBatchNormalization, {}, {x, vector, vector, vector, long_bias}, "4 channels"},
      {OpKind::kSoftmax, {{"axis", std::int64_t{4}}}, {x}, "axis"},
  };
  for (const Hostile& hostile : cases) {
    const auto result = run_all(hostile.op, hostile.inputs, hostile.attributes);
    ASSERT_FALSE(result) << to_string(hostile.op) << " should say '" << hostile.message << "'";
    EXPECT_THAT(result.error().text(), ::testing::HasSubstr(hostile.message));
  }
}

}  // namespace
}  // namespace quant::test
