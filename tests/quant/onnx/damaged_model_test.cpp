// SPDX-License-Identifier: MIT
// Models that are broken on purpose: each gives one clear error; bytes flipped and cut at random
// give a graph or an error, never a crash.
#include <gmock/gmock.h>

#include <random>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {
namespace {

using testing::add_node;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::ModelBuilder;

std::string error_of(const ModelBuilder& model) {
  const auto graph = read_onnx(model.bytes());
  return graph ? "no error" : graph.error().text();
}

ModelBuilder relu_model() {
  ModelBuilder model;
  model.input("x", {1, 2});
  model.node("Relu", {"x"}, {"y"}, "relu");
  model.output("y");
  return model;
}

TEST(DamagedModel, Cycle) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Add", {"x", "b"}, {"a"}, "one");
  model.node("Relu", {"a"}, {"b"}, "two");
  model.output("b");
  EXPECT_THAT(error_of(model), HasSubstr("cycle"));
  EXPECT_THAT(error_of(model), AnyOf(HasSubstr("'one'"), HasSubstr("'two'")));
}

TEST(DamagedModel, MissingTensors) {
  ModelBuilder model = relu_model();
  model.graph().mutable_node(0)->set_input(0, "nobody");
  EXPECT_THAT(error_of(model), HasSubstr("node 'relu' (Relu) needs the tensor 'nobody'"));
  ModelBuilder no_output = relu_model();
  no_output.graph().mutable_output(0)->set_name("elsewhere");
  EXPECT_THAT(error_of(no_output), HasSubstr("'elsewhere'"));
  ModelBuilder no_outputs = relu_model();
  no_outputs.graph().clear_output();
  EXPECT_THAT(error_of(no_outputs), HasSubstr("no outputs"));
}

TEST(DamagedModel, NamesUsedTwice) {
  ModelBuilder nodes = relu_model();
  nodes.node("Neg", {"x"}, {"y"}, "again");
  EXPECT_THAT(error_of(nodes), HasSubstr("'y' is made by node 'again'"));
  ModelBuilder initializers = relu_model();
  initializers.floats("w", {1}, {1});
  initializers.floats("w", {1}, {1});
  EXPECT_THAT(error_of(initializers), HasSubstr("'w' is an initializer"));
  ModelBuilder inputs = relu_model();
  inputs.input("x", {1, 2});
  EXPECT_THAT(error_of(inputs), HasSubstr("'x' is a graph input"));
  ModelBuilder outputs = relu_model();
  outputs.output("y");
  EXPECT_THAT(error_of(outputs), HasSubstr("'y' is listed twice"));
}

TEST(DamagedModel, AbsurdSizes) {
  ModelBuilder negative = relu_model();
  auto& dims =
      *negative.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  dims.mutable_dim(1)->set_dim_value(-7);
  EXPECT_THAT(error_of(negative), HasSubstr("input 'x': a dimension is -7"));
  dims.mutable_dim(1)->set_dim_value(std::int64_t{1} << 62);
  EXPECT_THAT(error_of(negative), HasSubstr("too large"));
  ModelBuilder grown;
  grown.input("x", {1, 1 << 20});
  grown.integers("repeats", {2}, {1 << 20, 1});
  grown.node("Tile", {"x", "repeats"}, {"y"}, "tile");
  grown.output("y");
  EXPECT_THAT(error_of(grown), HasSubstr("Tile 'tile'"));
}

TEST(DamagedModel, WrongTypes) {
  ModelBuilder text = relu_model();
  text.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
      onnx::TensorProto::STRING);
  EXPECT_THAT(error_of(text), HasSubstr("input 'x': element type STRING"));
  ModelBuilder sequence = relu_model();
  sequence.graph().mutable_input(0)->mutable_type()->mutable_sequence_type();
  EXPECT_THAT(error_of(sequence), HasSubstr("other than tensors"));
  ModelBuilder mixed = relu_model();
  mixed.integers("n", {2}, {1, 2});
  mixed.node("Add", {"x", "n"}, {"z"}, "mixed");
  mixed.graph().mutable_output(0)->set_name("z");
  EXPECT_THAT(error_of(mixed), HasSubstr("Add 'mixed'"));
}

TEST(DamagedModel, NamesThatAreNoText) {
  ModelBuilder bytes = relu_model();
  bytes.graph().mutable_node(0)->set_name("\xFF\xFE");
  EXPECT_THAT(error_of(bytes), HasSubstr("no printable UTF-8"));
  ModelBuilder control = relu_model();
  control.graph().mutable_node(0)->set_output(0, "a\nb");
  EXPECT_THAT(error_of(control), HasSubstr("no printable UTF-8"));
}

TEST(DamagedModel, WithoutOpset) {
  ModelBuilder model = relu_model();
  model.proto().mutable_opset_import(0)->set_domain("somewhere");
  EXPECT_THAT(error_of(model), HasSubstr("which opset"));
}

TEST(DamagedModel, NoModelAtAll) {
  for (const std::string text : {"", "not a model", "{\"json\": 1}", "\x89PNG\r\n"}) {
    const auto graph = read_onnx(std::as_bytes(std::span(text)));
    ASSERT_FALSE(graph);
    EXPECT_THAT(graph.error().text(), HasSubstr("no ONNX model"));
  }
}

// Convolution, folding, a branch, a function, old forms, sparse and half-precision weights: small,
// but all of the reader's paths.
ModelBuilder model_of_everything() {
  ModelBuilder model(11);
  model.import("local", 1);
  model.input("x", {-1, 2, 4, 4});
  model.floats("w", {2, 2, 3, 3}, std::vector<float>(36, 0.25F));
  model.node("Conv", {"x", "w"}, {"c"}, "conv").set("auto_pad", "SAME_UPPER");
  model.node("Shape", {"c"}, {"shape"});
  model.integers("axis", {1}, {0});
  model.node("Gather", {"shape", "axis"}, {"batch"});
  model.integers("minus", {1}, {-1});
  model.node("Concat", {"batch", "minus"}, {"target"}).set("axis", 0);
  model.node("Reshape", {"c", "target"}, {"flat"});
  model.node("Softmax", {"flat"}, {"s"}, "softmax").set("axis", 1);
  onnx::TensorProto half;
  half.set_name("half");
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.add_dims(1);
  half.set_raw_data(std::string("\x00\x3C", 2));
  model.initializer(half);
  model.node("Add", {"s", "half"}, {"a"});
  auto& function = *model.proto().add_functions();
  function.set_domain("local");
  function.set_name("F");
  function.add_input("in");
  function.add_output("out");
  add_node(function, "ReduceSum", {"in"}, {"out"}).set("axes", std::vector<std::int64_t>{1});
  model.node("F", {"a"}, {"f"}, "call");
  model.graph().mutable_node(model.graph().node_size() - 1)->set_domain("local");
  onnx::TensorProto yes;
  yes.set_data_type(onnx::TensorProto::BOOL);
  yes.add_int32_data(1);
  model.node("Constant", {}, {"yes"}).set("value", yes);
  onnx::GraphProto branch;
  add_node(branch, "Clip", {"f"}, {"b"});
  branch.add_output()->set_name("b");
  model.node("If", {"yes"}, {"i"}, "if").set("then_branch", branch).set("else_branch", branch);
  model.node("Split", {"flat"}, {"p", "q"}).set("axis", 1);
  model.node("Pad", {"p", "pads"}, {"pp"});
  model.integers("pads", {4}, {0, 1, 0, 1});
  model.node("Resize", {"c", "", "scales"}, {"r"});
  model.floats("scales", {4}, {1, 1, 2, 2});
  model.node("TopK", {"q", "k"}, {"values", "indices"});
  model.integers("k", {1}, {3});
  for (const char* name : {"i", "pp", "r", "values", "indices"}) model.output(name);
  return model;
}

class RandomDamage : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomDamage, NeverCrashes) {
  const std::vector<std::byte> intact = model_of_everything().bytes();
  ASSERT_TRUE(read_onnx(intact)) << read_onnx(intact).error().text();
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  int read = 0;
  int refused = 0;
  for (int round = 0; round < 2500; ++round) {
    std::vector<std::byte> bytes = intact;
    const std::size_t flips = 1 + below(4);
    for (std::size_t i = 0; i < flips; ++i) {
      // Single bits change sizes and names slightly; whole bytes change field numbers and types.
      std::byte& target = bytes[below(bytes.size())];
      target = below(2) == 0 ? target ^ static_cast<std::byte>(1U << below(8))
                             : static_cast<std::byte>(below(256));
    }
    if (below(8) == 0) bytes.resize(below(bytes.size()));
    const auto graph = read_onnx(bytes);
    if (graph) {
      ++read;
    } else {
      ++refused;
      EXPECT_FALSE(graph.error().message.empty());
      EXPECT_NE(graph.error().code, ErrorCode::kInternal) << graph.error().text();
    }
  }
  // Most damage is noticed; damage inside weights is not.
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 1000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDamage, ::testing::Values(1U, 2U, 3U, 4U));

TEST(DamagedModel, EveryTruncationIsRefusedOrRead) {
  const std::vector<std::byte> intact = model_of_everything().bytes();
  for (std::size_t size = 0; size < intact.size(); ++size) {
    const auto graph = read_onnx(std::span(intact).first(size));
    if (!graph) {
      EXPECT_NE(graph.error().code, ErrorCode::kInternal) << graph.error().text();
    }
  }
}

}  // namespace
}  // namespace quant
