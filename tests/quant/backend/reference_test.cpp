// SPDX-License-Identifier: MIT
// The float references on small models: all three give what the model says, and fail clearly where
// they cannot.
#include "quant/backend/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>

#include "quant/backend/native_reference.h"
#include "quant/backend/onnxruntime_reference.h"
#include "quant/onnx/model_builder.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ModelBuilder;

constexpr ReferenceKind kEvery[] = {ReferenceKind::kOnnxRuntime, ReferenceKind::kOpenCv,
                                    ReferenceKind::kNative};

bool available(ReferenceKind kind) {
  return kind != ReferenceKind::kOnnxRuntime || onnxruntime_built_in();
}

// x (N,1,2,2) → Conv 1×1 with weights 2 and −1 → "conv" → Relu → "y"; Add 1 → "z".
ModelBuilder small_model(const Shape& input = {1, 1, 2, 2}) {
  ModelBuilder builder(11);
  builder.input("x", input);
  builder.floats("w", {2, 1, 1, 1}, {2, -1});
  builder.floats("one", {1, 1, 1, 1}, {1});
  builder.node("Conv", {"x", "w"}, {"conv"}, "the_conv")
      .set("kernel_shape", std::vector<std::int64_t>{1, 1});
  builder.node("Relu", {"conv"}, {"y"}, "the_relu");
  builder.node("Add", {"conv", "one"}, {"z"}, "the_add");
  builder.output("y");
  builder.output("z");
  return builder;
}

Tensor small_input() { return Tensor::from<float>({1, 1, 2, 2}, std::vector<float>{1, -2, 3, 0}); }

std::vector<Tensor> run(Backend& backend, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs;
  const Status status = backend.run(inputs, outputs);
  EXPECT_TRUE(status) << status.error().text();
  return outputs;
}

class EveryReference : public ::testing::TestWithParam<ReferenceKind> {
 protected:
  void SetUp() override {
    if (!available(GetParam())) GTEST_SKIP() << "built without ONNX Runtime";
  }
  static Result<std::unique_ptr<Backend>> make(const std::vector<std::byte>& bytes,
                                               ReferenceModel model = {}) {
    model.onnx = bytes;
    return make_reference(GetParam(), model, 1);
  }
};

TEST_P(EveryReference, GivesTheModelsOutputsInOrder) {
  const auto backend = make(small_model().bytes());
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_STREQ((*backend)->name(), to_string(GetParam()));
  EXPECT_EQ((*backend)->independent(), GetParam() != ReferenceKind::kNative);
  EXPECT_FALSE((*backend)->description().empty());
  EXPECT_TRUE((*backend)->output_params().empty());
  ASSERT_EQ((*backend)->outputs().size(), 2u);
  EXPECT_EQ((*backend)->outputs()[0].name, "y");
  EXPECT_EQ((*backend)->outputs()[1].name, "z");
  EXPECT_EQ((*backend)->outputs()[0].shape, (Shape{1, 2, 2, 2}));

  const auto outputs = run(**backend, {small_input()});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_THAT(outputs[0].data<float>(), ElementsAre(2, 0, 6, 0, 0, 2, 0, 0));
  EXPECT_THAT(outputs[1].data<float>(), ElementsAre(3, -3, 7, 1, 0, 3, -2, 1));
}

// The next run must not write into tensors that the caller still holds.
TEST_P(EveryReference, OutputsStayTheCallers) {
  const auto backend = make(small_model().bytes());
  ASSERT_TRUE(backend) << backend.error().text();
  const auto first = run(**backend, {small_input()});
  const auto second = run(**backend, {Tensor(DataType::kFloat32, {1, 1, 2, 2})});
  EXPECT_THAT(first[0].data<float>(), ElementsAre(2, 0, 6, 0, 0, 2, 0, 0));
  EXPECT_THAT(second[1].data<float>(), ::testing::Each(1.0f));
}

TEST_P(EveryReference, FixesTheBatchAndOpenSizes) {
  const auto open = small_model({-1, 1, 2, -1}).bytes();
  const auto unknown = make(open);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().text(), HasSubstr("--input-shape"));
  const auto fixed = make(open, {.input_shapes = {{"x", {1, 1, 2, 2}}}});
  ASSERT_TRUE(fixed) << fixed.error().text();
  EXPECT_EQ((*fixed)->inputs()[0].shape, (Shape{1, 1, 2, 2}));
  EXPECT_EQ((*fixed)->outputs()[0].shape, (Shape{1, 2, 2, 2}));
  const auto batch = make(small_model({-1, 1, 2, 2}).bytes());
  ASSERT_TRUE(batch) << batch.error().text();
  EXPECT_EQ((*batch)->inputs()[0].shape, (Shape{1, 1, 2, 2}));
  EXPECT_EQ(run(**batch, {small_input()})[0].shape(), (Shape{1, 2, 2, 2}));
}

TEST_P(EveryReference, RefusesShapesAndInputsTheModelDoesNotHave) {
  EXPECT_FALSE(make(small_model().bytes(), {.input_shapes = {{"x", {1, 1, 4, 4}}}}));
  EXPECT_FALSE(make(small_model().bytes(), {.input_shapes = {{"frame", {1, 1, 2, 2}}}}));
}

TEST_P(EveryReference, InitializersListedAsInputsAreNone) {
  ModelBuilder builder = small_model();
  builder.input("w", {2, 1, 1, 1});
  builder.input("one", {1, 1, 1, 1});
  for (const std::int64_t ir_version : {3, 8}) {
    builder.proto().set_ir_version(ir_version);
    const auto backend = make(builder.bytes());
    ASSERT_TRUE(backend) << backend.error().text();
    ASSERT_EQ((*backend)->inputs().size(), 1u);
    EXPECT_EQ((*backend)->inputs()[0].name, "x");
    EXPECT_THAT(run(**backend, {small_input()})[0].data<float>(),
                ElementsAre(2, 0, 6, 0, 0, 2, 0, 0));
  }
}

TEST_P(EveryReference, CutsAtEndNodes) {
  ModelBuilder builder = small_model();
  // Behind the cut and known to nobody.
  builder.node("NoSuchOperator", {"y", "frame_size"}, {"boxes"}, "decode");
  builder.input("frame_size", {2});
  builder.output("boxes");
  EXPECT_FALSE(make(builder.bytes()));
  const auto by_name = make(builder.bytes(), {.end_nodes = {"the_add", "conv"}});
  ASSERT_TRUE(by_name) << by_name.error().text();
  ASSERT_EQ((*by_name)->inputs().size(), 1u);  // frame_size went with its only reader
  ASSERT_EQ((*by_name)->outputs().size(), 2u);
  EXPECT_EQ((*by_name)->outputs()[0].name, "z");
  EXPECT_EQ((*by_name)->outputs()[1].name, "conv");
  EXPECT_EQ((*by_name)->outputs()[1].shape, (Shape{1, 2, 2, 2}));
  EXPECT_THAT(run(**by_name, {small_input()})[1].data<float>(),
              ElementsAre(2, -4, 6, 0, -1, 2, -3, 0));
  const auto missing = make(builder.bytes(), {.end_nodes = {"nowhere"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().text(), HasSubstr("nowhere"));
}

TEST_P(EveryReference, RefusesInputsThatDoNotMatch) {
  const auto backend = make(small_model().bytes());
  ASSERT_TRUE(backend) << backend.error().text();
  std::vector<Tensor> outputs;
  const Status none = (*backend)->run({}, outputs);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  const std::vector<Tensor> other_shape = {Tensor(DataType::kFloat32, {1, 1, 4, 1})};
  const Status shape = (*backend)->run(other_shape, outputs);
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().text(), HasSubstr("input x"));
  const std::vector<Tensor> other_type = {Tensor(DataType::kUint8, {1, 1, 2, 2})};
  EXPECT_FALSE((*backend)->run(other_type, outputs));
}

TEST_P(EveryReference, BringsInExternalWeights) {
  const testing::TemporaryFolder folder;
  const float weights[] = {2, -1};
  std::ofstream(folder / "weights.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(weights), sizeof weights);
  ModelBuilder builder = small_model();
  onnx::TensorProto& tensor = *builder.graph().mutable_initializer(0);
  tensor.clear_float_data();
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& location = *tensor.add_external_data();
  location.set_key("location");
  location.set_value("weights.bin");
  const auto backend = make(builder.bytes(), {.external_data_dir = folder.path()});
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_THAT(run(**backend, {small_input()})[0].data<float>(),
              ElementsAre(2, 0, 6, 0, 0, 2, 0, 0));
  std::filesystem::remove(folder / "weights.bin");
  const auto missing = make(builder.bytes(), {.external_data_dir = folder.path()});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("weights.bin"));
}

TEST_P(EveryReference, RefusesWhatIsNoModel) {
  const auto garbage = make(std::vector<std::byte>(100, std::byte{0x5a}));
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().code, ErrorCode::kInvalidData);
  EXPECT_FALSE(make({}));
  std::vector<std::byte> truncated = small_model().bytes();
  truncated.resize(truncated.size() / 2);
  EXPECT_FALSE(make(truncated));
}

TEST_P(EveryReference, ZeroThreadsMeansOnePerCore) {
  const auto bytes = small_model().bytes();
  EXPECT_TRUE(make_reference(GetParam(), {.onnx = bytes}, 0));
  EXPECT_FALSE(make_reference(GetParam(), {.onnx = bytes}, -1));
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryReference, ::testing::ValuesIn(kEvery),
                         [](const auto& test) { return to_string(test.param); });

TEST(ReferenceKind, NamesAreReadBack) {
  for (ReferenceKind kind : {ReferenceKind::kAuto, ReferenceKind::kOnnxRuntime,
                             ReferenceKind::kOpenCv, ReferenceKind::kNative})
    EXPECT_EQ(reference_kind_from_string(to_string(kind)), kind);
  EXPECT_FALSE(reference_kind_from_string("tensorrt"));
  EXPECT_FALSE(reference_kind_from_string(""));
}

TEST(AutoReference, PrefersAnIndependentOne) {
  const auto bytes = small_model().bytes();
  const auto backend = make_reference(ReferenceKind::kAuto, {.onnx = bytes}, 1);
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_TRUE((*backend)->independent());
  EXPECT_STREQ((*backend)->name(), onnxruntime_built_in() ? "onnxruntime" : "opencv");
}

TEST(AutoReference, NamesWhatEachRuntimeSaid) {
  ModelBuilder builder = small_model();
  builder.node("NoSuchOperator", {"y"}, {"boxes"}, "decode");
  builder.output("boxes");
  const auto bytes = builder.bytes();
  const auto backend = make_reference(ReferenceKind::kAuto, {.onnx = bytes}, 1);
  ASSERT_FALSE(backend);
  EXPECT_THAT(backend.error().text(), HasSubstr("NoSuchOperator"));
  EXPECT_THAT(backend.error().text(), HasSubstr("OpenCV"));
}

TEST(ExplicitReference, NeverBecomesAnother) {
  if (onnxruntime_built_in()) GTEST_SKIP() << "built with ONNX Runtime";
  const auto bytes = small_model().bytes();
  const auto backend = make_reference(ReferenceKind::kOnnxRuntime, {.onnx = bytes}, 1);
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kUnavailable);
}

class OnnxRuntimeReference : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!onnxruntime_built_in()) GTEST_SKIP() << "built without ONNX Runtime";
  }
};

TEST_F(OnnxRuntimeReference, OptimizedGivesTheSameValues) {
  const auto bytes = small_model().bytes();
  const auto backend = make_onnxruntime_reference(
      {.onnx = bytes}, {.threads = 2, .optimizations = GraphOptimizations::kAll});
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_THAT(run(**backend, {small_input()})[0].data<float>(),
              ElementsAre(2, 0, 6, 0, 0, 2, 0, 0));
}

TEST_F(OnnxRuntimeReference, Float16AtTheEdgesLooksLikeFloat32) {
  ModelBuilder builder(17);
  builder.input("x", {1, 4}, onnx::TensorProto::FLOAT16);
  builder.node("Neg", {"x"}, {"y"});
  builder.output("y");
  builder.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::FLOAT16);
  const auto bytes = builder.bytes();
  const auto backend = make_onnxruntime_reference({.onnx = bytes}, {});
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_EQ((*backend)->inputs()[0].type, DataType::kFloat32);
  EXPECT_EQ((*backend)->outputs()[0].type, DataType::kFloat32);
  const auto input = Tensor::from<float>({1, 4}, std::vector<float>{1, -0.5f, 65504, 0});
  EXPECT_THAT(run(**backend, {input})[0].data<float>(), ElementsAre(-1, 0.5f, -65504, 0));
}

// NonZero's output grows with the data: its size stays open, and every run gives its own.
TEST_F(OnnxRuntimeReference, OutputsThatTheDataSizesStayOpen) {
  ModelBuilder builder(17);
  builder.input("x", {4});
  builder.node("NonZero", {"x"}, {"where"});
  builder.node("Relu", {"x"}, {"y"});
  builder.output("where");
  builder.output("y");
  builder.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::INT64);
  const auto bytes = builder.bytes();
  const auto backend = make_onnxruntime_reference({.onnx = bytes}, {});
  ASSERT_TRUE(backend) << backend.error().text();
  EXPECT_EQ((*backend)->outputs()[0].shape, (Shape{1, -1}));
  EXPECT_EQ((*backend)->outputs()[0].type, DataType::kInt64);
  EXPECT_EQ((*backend)->outputs()[1].shape, (Shape{4}));
  const auto first = run(**backend, {Tensor::from<float>({4}, std::vector<float>{0, 1, 0, 2})});
  EXPECT_THAT(first[0].data<std::int64_t>(), ElementsAre(1, 3));
  const auto second = run(**backend, {Tensor(DataType::kFloat32, {4})});
  EXPECT_EQ(second[0].shape(), (Shape{1, 0}));
}

TEST_F(OnnxRuntimeReference, TextOutputsAreRefused) {
  ModelBuilder builder(17);
  builder.input("x", {1});
  builder.node("Cast", {"x"}, {"y"}).set("to", static_cast<int>(onnx::TensorProto::STRING));
  builder.output("y");
  builder.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::STRING);
  const auto bytes = builder.bytes();
  const auto backend = make_onnxruntime_reference({.onnx = bytes}, {});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(backend.error().text(), HasSubstr("output y"));
}

}  // namespace
}  // namespace quant
