// SPDX-License-Identifier: MIT
// What the reader makes of well-formed models: inputs, constants, folding, cuts, sizes.
#include "quant/onnx/onnx_reader.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/run_graph.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using testing::add_node;
using testing::counting;
using ::testing::ElementsAre;
using testing::floats_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::run_graph;
using testing::TemporaryFolder;

std::vector<OpKind> ops(const Graph& graph) {
  std::vector<OpKind> kinds;
  for (const Node& node : graph.nodes) kinds.push_back(node.op);
  return kinds;
}

// x (1x2x4x4) → Conv 3 channels 3x3 without kernel_shape → Relu → y
ModelBuilder conv_model() {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4});
  model.floats("w", {3, 2, 3, 3}, std::vector<float>(54, 0.5F));
  model.node("Conv", {"x", "w"}, {"c"}, "first").set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c"}, {"y"});
  model.output("y");
  return model;
}

TEST(OnnxReader, ReadsASmallNetwork) {
  const auto graph = read_onnx(conv_model().bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kConv, OpKind::kRelu));
  EXPECT_EQ(graph->nodes[0].name, "conv1");
  EXPECT_THAT(graph->nodes[0].original_names, ElementsAre("first"));
  // An unnamed ONNX node is known by what it makes.
  EXPECT_THAT(graph->nodes[1].original_names, ElementsAre("y"));
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 3, 4, 4}));
}

TEST(OnnxReader, DerivesAMissingKernelShapeFromTheWeights) {
  const auto graph = read_onnx(conv_model().bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(graph->nodes[0].attributes.integers("kernel_shape"), ElementsAre(3, 3));
}

TEST(OnnxReader, InitializersListedAsInputsAreConstants) {
  ModelBuilder model = conv_model();
  model.input("w", {3, 2, 3, 3});
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->inputs.size(), 1U);
  EXPECT_TRUE(graph->value(graph->nodes[0].inputs[1]).constant.has_value());
}

TEST(OnnxReader, SortsNodesThatStandInAnyOrder) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Relu", {"b"}, {"y"});
  model.node("Neg", {"x"}, {"a"});
  model.node("Abs", {"a"}, {"b"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kNeg, OpKind::kAbs, OpKind::kRelu));
}

TEST(OnnxReader, ConstantNodesInEveryForm) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Constant", {}, {"tensor"}).set("value", testing::float_tensor("t", {2}, {1, 2}));
  model.node("Constant", {}, {"number"}).set("value_float", 10.0F);
  model.node("Constant", {}, {"numbers"}).set("value_floats", std::vector<float>{100, 200});
  model.node("Constant", {}, {"integer"}).set("value_int", 1);
  model.node("Constant", {}, {"integers"}).set("value_ints", std::vector<std::int64_t>{2, 1});
  model.node("Add", {"x", "tensor"}, {"a"});
  model.node("Add", {"a", "number"}, {"b"});
  model.node("Add", {"b", "numbers"}, {"c"});
  model.node("Reshape", {"c", "integers"}, {"d"});
  model.node("Mul", {"integer", "integers"}, {"shape"});
  model.node("Expand", {"d", "shape"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  const auto outputs = run_graph(*graph, {{"x", counting({2})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_EQ((*outputs)[0].shape(), (Shape{2, 1}));
  EXPECT_THAT(floats_of((*outputs)[0]), ElementsAre(111, 213));
}

TEST(OnnxReader, SparseConstantIsWrittenOut) {
  ModelBuilder model;
  model.input("x", {2, 2});
  auto& sparse = *model.graph().add_sparse_initializer();
  *sparse.mutable_values() = testing::float_tensor("s", {2}, {5, 7});
  *sparse.mutable_indices() = testing::int64_tensor("", {2}, {1, 2});
  sparse.add_dims(2);
  sparse.add_dims(2);
  model.node("Add", {"x", "s"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  const auto outputs = run_graph(*graph, {{"x", counting({2, 2})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(floats_of((*outputs)[0]), ElementsAre(0, 6, 9, 3));
}

TEST(OnnxReader, FoldsShapeArithmeticAway) {
  // Flattening as exporters write it: Shape → Gather → Unsqueeze → Concat → Reshape.
  ModelBuilder model(11);
  model.input("x", {1, 2, 3, 4});
  model.node("Shape", {"x"}, {"shape"});
  model.integers("zero", {}, {0});
  model.node("Gather", {"shape", "zero"}, {"batch"}).set("axis", 0);
  model.node("Unsqueeze", {"batch"}, {"batch1"}).set("axes", std::vector<std::int64_t>{0});
  model.integers("rest", {1}, {-1});
  model.node("Concat", {"batch1", "rest"}, {"target"}).set("axis", 0);
  model.node("Cast", {"target"}, {"target64"}).set("to", onnx::TensorProto::INT64);
  model.node("Reshape", {"x", "target64"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kReshape));
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 24}));
}

TEST(OnnxReader, DoesNotFoldWhatWouldFillTheMemory) {
  ModelBuilder model;
  model.input("x", {1});
  model.integers("shape", {2}, {20000, 20000});
  model.node("ConstantOfShape", {"shape"}, {"zeros"});
  model.node("Add", {"x", "zeros"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kConstantOfShape, OpKind::kAdd));
}

TEST(OnnxReader, IdentityAndDropoutVanish) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Identity", {"x"}, {"a"});
  model.node("Dropout", {"a"}, {"b"});
  model.node("Relu", {"b"}, {"c"});
  model.node("Identity", {"c"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kRelu));
  EXPECT_EQ(graph->value(graph->outputs[0]).name, "y");
}

TEST(OnnxReader, OneTensorUnderTwoOutputNames) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Relu", {"x"}, {"a"});
  model.node("Identity", {"a"}, {"b"});
  model.node("Identity", {"x"}, {"c"});
  for (const char* name : {"b", "a", "c"}) model.output(name);
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  std::vector<std::string> names;
  for (const ValueId id : graph->outputs) names.push_back(graph->value(id).name);
  EXPECT_THAT(names, ElementsAre("b", "a", "c"));
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kRelu, OpKind::kIdentity, OpKind::kIdentity));
}

TEST(OnnxReader, Float16WeightsInputsAndCastsAreWidened) {
  ModelBuilder model;
  model.input("x", {3}, onnx::TensorProto::FLOAT16);
  onnx::TensorProto weights;
  weights.set_name("w");
  weights.set_data_type(onnx::TensorProto::FLOAT16);
  weights.add_dims(3);
  // 1.0, −2.5 and the smallest subnormal number, 2^-24.
  for (const int bits : {0x3C00, 0xC100, 0x0001}) weights.add_int32_data(bits);
  model.initializer(weights);
  model.node("Cast", {"x"}, {"wide"}).set("to", onnx::TensorProto::FLOAT);
  model.node("Cast", {"wide"}, {"narrow"}).set("to", onnx::TensorProto::FLOAT16);
  model.node("Add", {"narrow", "w"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kAdd));
  EXPECT_EQ(graph->value(graph->inputs[0]).type, DataType::kFloat32);
  EXPECT_THAT(floats_of(*graph->value(graph->nodes[0].inputs[1]).constant),
              ElementsAre(1.0F, -2.5F, std::ldexp(1.0F, -24)));
}

TEST(OnnxReader, OpenBatchIsOne) {
  ModelBuilder model;
  model.input("x", {-1, 3});
  model.node("Relu", {"x"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 3}));
}

TEST(OnnxReader, OtherOpenSizesMustBeGiven) {
  ModelBuilder model;
  model.input("x", {-1, 3, -1, -1});
  model.node("Relu", {"x"}, {"y"});
  model.output("y");
  const auto refused = read_onnx(model.bytes());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().text(), HasSubstr("input 'x'"));
  EXPECT_THAT(refused.error().text(), HasSubstr("--input-shape x=1x3x320x320"));

  OnnxReadOptions options;
  options.input_shapes["x"] = {2, 3, 8, 16};
  const auto graph = read_onnx(model.bytes(), options);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{2, 3, 8, 16}));

  OnnxReadOptions dynamic;
  dynamic.allow_dynamic = true;
  const auto open = read_onnx(model.bytes(), dynamic);
  ASSERT_TRUE(open) << open.error().text();
  EXPECT_EQ(open->value(open->inputs[0]).shape, (Shape{-1, 3, -1, -1}));
}

TEST(OnnxReader, ASizeGivenForOneInputHoldsForItsName) {
  ModelBuilder model;
  for (const char* name : {"a", "b"}) {
    model.input(name, {1, -1});
    auto& input = *model.graph().mutable_input(model.graph().input_size() - 1);
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_param(
        "n");
  }
  model.node("Add", {"a", "b"}, {"y"});
  model.output("y");
  OnnxReadOptions options;
  options.input_shapes["a"] = {1, 7};
  const auto graph = read_onnx(model.bytes(), options);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->inputs[1]).shape, (Shape{1, 7}));
}

TEST(OnnxReader, GivenShapesMustFitTheModel) {
  const auto read_with = [](const std::string& name, const Shape& shape) {
    OnnxReadOptions options;
    options.input_shapes[name] = shape;
    return read_onnx(conv_model().bytes(), options);
  };
  EXPECT_TRUE(read_with("x", {1, 2, 4, 4}));
  EXPECT_THAT(read_with("x", {1, 2, 8, 4}).error().text(),
              HasSubstr("contradicts the model's 1x2x4x4"));
  EXPECT_THAT(read_with("x", {1, 2, 4}).error().text(), HasSubstr("3 dimensions"));
  EXPECT_THAT(read_with("x", {1, 2, -4, 4}).error().text(), HasSubstr("not possible"));
  EXPECT_THAT(read_with("z", {1}).error().text(), HasSubstr("no such input (it has: x)"));
}

TEST(OnnxReader, EndNodesCutTheGraph) {
  ModelBuilder model = conv_model();
  model.node("NoSuchOperator", {"y"}, {"z"});
  model.graph().clear_output();
  model.output("z");
  EXPECT_FALSE(read_onnx(model.bytes()));
  for (const char* name : {"first", "c"}) {
    OnnxReadOptions options;
    options.end_nodes = {name};
    const auto graph = read_onnx(model.bytes(), options);
    ASSERT_TRUE(graph) << graph.error().text();
    EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kConv));
    EXPECT_EQ(graph->value(graph->outputs[0]).name, "c");
  }
  OnnxReadOptions options;
  options.end_nodes = {"elsewhere"};
  EXPECT_THAT(read_onnx(model.bytes(), options).error().text(), HasSubstr("'elsewhere'"));
}

TEST(OnnxReader, CutAwayInputsAreGone) {
  ModelBuilder model;
  model.input("x", {2});
  model.input("sizes", {-1, -1});
  model.node("Relu", {"x"}, {"a"});
  model.node("Add", {"a", "sizes"}, {"y"});
  model.output("y");
  OnnxReadOptions options;
  options.end_nodes = {"a"};
  const auto graph = read_onnx(model.bytes(), options);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->inputs.size(), 1U);
}

TEST(OnnxReader, ListsEveryUnsupportedOperatorAtOnce) {
  ModelBuilder model;
  model.import("com.microsoft", 1);
  model.input("x", {2});
  model.node("Fancy", {"x"}, {"a"}, "fancy_one");
  model.node("Fancy", {"a"}, {"b"}, "fancy_two");
  model.node("QAttention", {"b"}, {"c"}, "sum");
  model.graph().mutable_node(2)->set_domain("com.microsoft");
  // One of our own operators is none of ONNX's.
  model.node("Silu", {"c"}, {"y"}, "silu");
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kUnsupported);
  const std::string text = graph.error().text();
  EXPECT_THAT(text, HasSubstr("node 'fancy_one': operator Fancy is not supported"));
  EXPECT_THAT(text, HasSubstr("4 nodes of 3 unsupported operators"));
  EXPECT_THAT(text, HasSubstr("Fancy: 2 (fancy_one, fancy_two)"));
  EXPECT_THAT(text, HasSubstr("com.microsoft.QAttention: 1 (sum)"));
  EXPECT_THAT(text, HasSubstr("Silu: 1 (silu)"));
}

TEST(OnnxReader, WritesOutTheBranchOfAKnownCondition) {
  const auto branch = [](const char* op, const char* output) {
    onnx::GraphProto graph;
    *graph.add_initializer() = testing::float_tensor("two", {}, {2});
    add_node(graph, op, {"x", "two"}, {output});
    graph.add_output()->set_name(output);
    return graph;
  };
  ModelBuilder model;
  model.input("x", {2});
  model.node("Shape", {"x"}, {"shape"});
  model.node("Size", {"shape"}, {"rank"});
  model.integers("one", {}, {1});
  model.node("Equal", {"rank", "one"}, {"is_vector"});
  model.node("If", {"is_vector"}, {"y"}, "choice")
      .set("then_branch", branch("Mul", "result"))
      .set("else_branch", branch("Unheard", "result"));
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(ops(*graph), ElementsAre(OpKind::kMul));
  const auto outputs = run_graph(*graph, {{"x", counting({2})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(floats_of((*outputs)[0]), ElementsAre(0, 2));
}

TEST(OnnxReader, AConditionOnDataIsUnsupported) {
  ModelBuilder model;
  model.input("x", {}, onnx::TensorProto::BOOL);
  model.node("If", {"x"}, {"y"}, "choice").set("then_branch", onnx::GraphProto());
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(graph.error().text(), HasSubstr("If 'choice'"));
}

TEST(OnnxReader, FileGivesTheGraphItsName) {
  const TemporaryFolder folder;
  const auto bytes = conv_model().bytes();
  std::ofstream(folder / "tiny.onnx", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const auto graph = read_onnx_file(folder / "tiny.onnx");
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->name, "tiny");
  EXPECT_THAT(read_onnx_file(folder / "absent.onnx").error().text(), HasSubstr("absent.onnx"));
  EXPECT_EQ(read_onnx_file(folder / "absent.onnx").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(read_onnx_file(folder.path()));
}

TEST(OnnxReader, OpsetsBeyond21AreRefusedWithAWayOut) {
  ModelBuilder model(22);
  model.input("x", {2});
  model.node("Relu", {"x"}, {"y"});
  model.output("y");
  EXPECT_THAT(read_onnx(model.bytes()).error().text(), HasSubstr("opset_version=21"));
}

TEST(OnnxReader, NanInWeightsIsRefusedInfinityOnlyWhereItCounts) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto read_with = [](const char* op, float weight) {
    ModelBuilder model;
    model.input("x", {2});
    model.floats("w", {2}, {1, weight});
    model.node(op, {"x", "w"}, {"y"}, "user");
    model.output("y");
    return read_onnx(model.bytes());
  };
  EXPECT_TRUE(read_with("Mul", 1));
  EXPECT_THAT(read_with("Add", nan).error().text(), HasSubstr("tensor 'w': element 1 of 2 is NaN"));
  EXPECT_FALSE(read_with("Max", nan));
  EXPECT_TRUE(read_with("Max", -infinity));
  EXPECT_TRUE(read_with("Add", -infinity)) << "an attention mask";
  EXPECT_FALSE(read_with("Add", infinity));
  EXPECT_THAT(read_with("Mul", infinity).error().text(), HasSubstr("Mul 'user'"));
}

}  // namespace
}  // namespace quant
