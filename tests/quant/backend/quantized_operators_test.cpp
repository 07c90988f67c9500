// SPDX-License-Identifier: MIT
// Quantized operators that ONNX Runtime adds to ONNX (com.microsoft), as our reader takes them
// apart, against ONNX Runtime's own kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "../onnx/model_builder.h"
#include "quant/backend/native_reference.h"
#include "quant/backend/onnxruntime_reference.h"

namespace quant {
namespace {

using testing::ModelBuilder;
using testing::NodeAttributes;
using Onnx = onnx::TensorProto;

class Builder : public ModelBuilder {
 public:
  Builder() : ModelBuilder(13) { import("com.microsoft", 1); }

  // An input of the model under these parameters; its integers, scale and zero point.
  std::vector<std::string> activation(const std::string& name, const Shape& shape, float scale,
                                      int zero_point) {
    input(name, shape);
    const auto params = parameters(name, scale, zero_point);
    node("QuantizeLinear", {name, params[0], params[1]}, {name + "/q"});
    return {name + "/q", params[0], params[1]};
  }
  std::vector<std::string> parameters(const std::string& name, float scale, int zero_point) {
    floats(name + "/scale", {}, {scale});
    small_integers(name + "/zero", {}, Onnx::UINT8, {zero_point});
    return {name + "/scale", name + "/zero"};
  }
  NodeAttributes contributed(const char* op, const std::vector<std::string>& inputs,
                             const char* output) {
    NodeAttributes attributes = node(op, inputs, {output});
    graph().mutable_node(graph().node_size() - 1)->set_domain("com.microsoft");
    return attributes;
  }
  // The integers "y/q" as the model's output.
  void finish(const std::vector<std::string>& params) {
    node("DequantizeLinear", {"y/q", params[0], params[1]}, {"y"});
    output("y");
  }
  std::vector<int> integers_in(std::int64_t count, int least, int most) {
    std::uniform_int_distribution<int> uniform(least, most);
    std::vector<int> values(static_cast<std::size_t>(count));
    for (int& value : values) value = uniform(engine_);
    return values;
  }

 private:
  std::mt19937 engine_{3};
};

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Case {
  const char* name;
  std::function<float(Builder&)> build;  // gives the scale of the output
  // One tie at most falls to another side; ONNX Runtime's Softmax rounds its exponentials to
  // integers and does not round their quotients to the nearest.
  bool close = true;
};

template <const char* kOperator>
float binary(Builder& model) {
  const auto a = model.activation("a", {1, 3, 8, 8}, 0.031F, 120);
  const auto b = model.activation("b", {1, 3, 1, 8}, 0.017F, 99);
  const auto y = model.parameters("y", 0.043F, 117);
  model.contributed(kOperator, joined(joined(a, b), y), "y/q");
  model.finish(y);
  return 0.043F;
}

template <const char* kOperator>
float unary(Builder& model) {
  const auto a = model.activation("a", {1, 3, 9, 8}, 0.031F, 120);
  const auto y = model.parameters("y", 0.013F, 17);
  auto attributes = model.contributed(kOperator, joined(a, y), "y/q");
  const std::string op = kOperator;
  if (op == "QLinearLeakyRelu") attributes.set("alpha", 0.13F);
  if (op == "QLinearSoftmax") attributes.set("axis", -1).set("opset", 13);
  if (op == "QLinearGlobalAveragePool") attributes.set("channels_last", 0);
  if (op == "QLinearAveragePool") {
    attributes.set("kernel_shape", std::vector<std::int64_t>{3, 3})
        .set("strides", std::vector<std::int64_t>{2, 1})
        .set("pads", std::vector<std::int64_t>{1, 0, 1, 1});
  }
  model.finish(y);
  return 0.013F;
}

float concat(Builder& model) {
  const auto a = model.activation("a", {1, 3, 8, 8}, 0.031F, 120);
  const auto b = model.activation("b", {1, 2, 8, 8}, 0.017F, 99);
  const auto y = model.parameters("y", 0.029F, 117);
  model.contributed("QLinearConcat", joined(joined(y, a), b), "y/q").set("axis", 1);
  model.finish(y);
  return 0.029F;
}

float gemm(Builder& model) {
  const auto a = model.activation("a", {5, 16}, 0.031F, 120);
  model.small_integers("b", {7, 16}, Onnx::INT8, model.integers_in(7 * 16, -127, 127));
  model.floats("b/scale", {7}, {0.01F, 0.02F, 0.03F, 0.015F, 0.011F, 0.007F, 0.05F});
  model.small_integers("b/zero", {7}, Onnx::INT8, std::vector<int>(7, 0));
  model.small_integers("c", {7}, Onnx::INT32, model.integers_in(7, -5000, 5000));
  const auto y = model.parameters("y", 0.37F, 117);
  model.contributed("QGemm", joined(joined(a, {"b", "b/scale", "b/zero", "c"}), y), "y/q")
      .set("transB", 1)
      .set("alpha", 1.0F);
  model.finish(y);
  return 0.37F;
}

constexpr char kAdd[] = "QLinearAdd";
constexpr char kMul[] = "QLinearMul";
constexpr char kSigmoid[] = "QLinearSigmoid";
constexpr char kLeakyRelu[] = "QLinearLeakyRelu";
constexpr char kSoftmax[] = "QLinearSoftmax";
constexpr char kAveragePool[] = "QLinearAveragePool";
constexpr char kGlobalAveragePool[] = "QLinearGlobalAveragePool";

class QuantizedOperators : public ::testing::TestWithParam<Case> {};

TEST_P(QuantizedOperators, AreWhatOnnxRuntimeComputes) {
  if (!onnxruntime_built_in()) GTEST_SKIP() << "built without ONNX Runtime";
  Builder model;
  const float scale = GetParam().build(model);
  const auto onnx = model.bytes();
  auto peer = make_onnxruntime_reference({onnx, {}, {}, {}}, {});
  ASSERT_TRUE(peer) << peer.error().text();
  auto native = make_native_reference({onnx, {}, {}, {}}, 1);
  ASSERT_TRUE(native) << native.error().text();
  std::mt19937 engine(7);
  std::normal_distribution<float> normal(0.0F, 1.5F);
  std::vector<Tensor> inputs;
  for (const TensorInfo& info : (*native)->inputs()) {
    Tensor tensor(DataType::kFloat32, info.shape);
    for (float& value : tensor.data<float>()) value = normal(engine);
    inputs.push_back(std::move(tensor));
  }
  std::vector<Tensor> expected;
  std::vector<Tensor> actual;
  ASSERT_TRUE((*peer)->run(inputs, expected));
  ASSERT_TRUE((*native)->run(inputs, actual));
  ASSERT_EQ(expected[0].shape(), actual[0].shape());
  std::int64_t unequal = 0;
  for (std::int64_t i = 0; i < expected[0].elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const float steps = (expected[0].data<float>()[at] - actual[0].data<float>()[at]) / scale;
    EXPECT_LE(std::abs(steps), 1.01F) << "at " << i;
    unequal += std::abs(steps) > 0.5F ? 1 : 0;
  }
  if (GetParam().close) {
    EXPECT_LE(unequal, 1) << "of " << expected[0].elements();
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantizedOperators,
                         ::testing::Values(Case{"Add", binary<kAdd>}, Case{"Mul", binary<kMul>},
                                           Case{"Sigmoid", unary<kSigmoid>},
                                           Case{"LeakyRelu", unary<kLeakyRelu>},
                                           Case{"Softmax", unary<kSoftmax>, false},
                                           Case{"AveragePool", unary<kAveragePool>},
                                           Case{"GlobalAveragePool", unary<kGlobalAveragePool>},
                                           Case{"Concat", concat}, Case{"Gemm", gemm}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace quant
