// SPDX-License-Identifier: MIT
// Local functions written out: names, attributes, opsets, and calls that never end.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/onnx/run_graph.h"

namespace quant {
namespace {

using testing::add_node;
using ::testing::Contains;
using testing::counting;
using ::testing::ElementsAre;
using testing::floats_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::run_graph;

onnx::FunctionProto& add_function(ModelBuilder& model, const std::string& name,
                                  const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs,
                                  std::int64_t opset = 17) {
  auto& function = *model.proto().add_functions();
  function.set_domain("local");
  function.set_name(name);
  for (const std::string& input : inputs) function.add_input(input);
  for (const std::string& output : outputs) function.add_output(output);
  for (const auto& [domain, version] :
       {std::pair{"", opset}, std::pair{"local", std::int64_t{1}}}) {
    auto& import = *function.add_opset_import();
    import.set_domain(domain);
    import.set_version(version);
  }
  return function;
}

template <typename Body>
testing::NodeAttributes call(Body& body, const std::string& function,
                             const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs, const std::string& name) {
  auto attributes = add_node(body, function, inputs, outputs, name);
  body.mutable_node(body.node_size() - 1)->set_domain("local");
  return attributes;
}

ModelBuilder model_with_io() {
  ModelBuilder model;
  model.import("local", 1);
  model.input("x", {4});
  model.output("y");
  return model;
}

std::vector<float> run(const ModelBuilder& model) {
  const auto graph = read_onnx(model.bytes());
  if (!graph) {
    ADD_FAILURE() << graph.error().text();
    return {};
  }
  const auto outputs = run_graph(*graph, {{"x", counting({4})}});
  if (!outputs) {
    ADD_FAILURE() << outputs.error().text();
    return {};
  }
  return floats_of(outputs->front());
}

TEST(LocalFunction, TwoCallsDoNotShareNames) {
  ModelBuilder model = model_with_io();
  auto& twice = add_function(model, "Twice", {"in"}, {"out"});
  add_node(twice, "Identity", {"in"}, {"middle"}, "copy");
  add_node(twice, "Add", {"middle", "in"}, {"out"}, "sum");
  call(model.graph(), "Twice", {"x"}, {"middle"}, "first");
  call(model.graph(), "Twice", {"middle"}, {"y"}, "second");
  EXPECT_THAT(run(model), ElementsAre(0, 4, 8, 12));
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph);
  EXPECT_THAT(graph->nodes[0].original_names, ElementsAre("first/sum"));
  EXPECT_THAT(graph->nodes[1].original_names, ElementsAre("second/sum"));
}

TEST(LocalFunction, AttributesComeFromTheCaller) {
  ModelBuilder model = model_with_io();
  auto& leaky = add_function(model, "Leaky", {"in"}, {"out"});
  leaky.add_attribute("slope");
  add_node(leaky, "Neg", {"in"}, {"n"});
  add_node(leaky, "LeakyRelu", {"n"}, {"out"}).refer("alpha", onnx::AttributeProto::FLOAT, "slope");
  call(model.graph(), "Leaky", {"x"}, {"y"}, "call").set("slope", 0.5F);
  EXPECT_THAT(run(model), ElementsAre(0, -0.5F, -1, -1.5F));
}

TEST(LocalFunction, AttributeDefaultsOfNewerFiles) {
  // FunctionProto.attribute_proto (field 11) came after the messages of some packages.
  ModelBuilder model = model_with_io();
  auto& leaky = add_function(model, "Leaky", {"in"}, {"out"});
  add_node(leaky, "Neg", {"in"}, {"n"});
  add_node(leaky, "LeakyRelu", {"n"}, {"out"}).refer("alpha", onnx::AttributeProto::FLOAT, "slope");
  onnx::AttributeProto slope;
  slope.set_name("slope");
  slope.set_type(onnx::AttributeProto::FLOAT);
  slope.set_f(0.25F);
  std::string bytes = leaky.SerializeAsString();
  const std::string value = slope.SerializeAsString();
  bytes += static_cast<char>(11 << 3 | 2);
  bytes += static_cast<char>(value.size());
  bytes += value;
  ASSERT_TRUE(leaky.ParseFromString(bytes));
  call(model.graph(), "Leaky", {"x"}, {"y"}, "call");
  EXPECT_THAT(run(model), ElementsAre(0, -0.25F, -0.5F, -0.75F));
}

TEST(LocalFunction, HasItsOwnOpset) {
  ModelBuilder model = model_with_io();
  auto& sum = add_function(model, "Sum11", {"in"}, {"out"}, 11);
  add_node(sum, "ReduceSum", {"in"}, {"out"}).set("axes", std::vector<std::int64_t>{0});
  call(model.graph(), "Sum11", {"x"}, {"y"}, "call");
  EXPECT_THAT(run(model), ElementsAre(6));
}

TEST(LocalFunction, InputsThatPassThroughAndAbsentOnes) {
  ModelBuilder model = model_with_io();
  auto& clip = add_function(model, "Bound", {"in", "low", "high"}, {"in", "out"});
  add_node(clip, "Clip", {"in", "low", "high"}, {"out"});
  model.floats("one", {}, {1});
  call(model.graph(), "Bound", {"x", "one"}, {"same", "bounded"}, "call");
  model.node("Add", {"same", "bounded"}, {"y"});
  EXPECT_THAT(run(model), ElementsAre(1, 2, 4, 6));
}

TEST(LocalFunction, FunctionsCallFunctionsAndSubgraphsSeeTheirNames) {
  ModelBuilder model = model_with_io();
  auto& inner = add_function(model, "Inner", {"in"}, {"out"});
  onnx::GraphProto branch;
  add_node(branch, "Mul", {"in", "in"}, {"square"});
  branch.add_output()->set_name("square");
  onnx::TensorProto yes;
  yes.set_data_type(onnx::TensorProto::BOOL);
  yes.add_int32_data(1);
  add_node(inner, "Constant", {}, {"yes"}).set("value", yes);
  add_node(inner, "If", {"yes"}, {"out"}).set("then_branch", branch).set("else_branch", branch);
  auto& outer = add_function(model, "Outer", {"in"}, {"out"});
  call(outer, "Inner", {"in"}, {"middle"}, "a");
  call(outer, "Inner", {"middle"}, {"out"}, "b");
  call(model.graph(), "Outer", {"x"}, {"y"}, "outer");
  EXPECT_THAT(run(model), ElementsAre(0, 1, 16, 81));
}

TEST(LocalFunction, OverloadsAreToldApart) {
  // FunctionProto.overload (field 13) and NodeProto.overload (field 8) of newer files.
  ModelBuilder model = model_with_io();
  const auto with_overload = [](auto& message, int field, const char* text) {
    std::string bytes = message.SerializeAsString();
    bytes += static_cast<char>(field << 3 | 2);
    bytes += static_cast<char>(std::string(text).size());
    bytes += text;
    ASSERT_TRUE(message.ParseFromString(bytes));
  };
  auto& negate = add_function(model, "F", {"in"}, {"out"});
  add_node(negate, "Neg", {"in"}, {"out"});
  with_overload(negate, 13, "neg");
  auto& square = add_function(model, "F", {"in"}, {"out"});
  add_node(square, "Mul", {"in", "in"}, {"out"});
  with_overload(square, 13, "square");
  call(model.graph(), "F", {"x"}, {"y"}, "call");
  with_overload(*model.graph().mutable_node(0), 8, "square");
  EXPECT_THAT(run(model), ElementsAre(0, 1, 4, 9));
}

TEST(LocalFunction, RecursionIsRefused) {
  ModelBuilder model = model_with_io();
  auto& a = add_function(model, "A", {"in"}, {"out"});
  call(a, "B", {"in"}, {"out"}, "b");
  auto& b = add_function(model, "B", {"in"}, {"out"});
  call(b, "A", {"in"}, {"out"}, "a");
  call(model.graph(), "A", {"x"}, {"y"}, "call");
  EXPECT_THAT(read_onnx(model.bytes()).error().text(), HasSubstr("calls itself"));
}

TEST(LocalFunction, RecursionThroughABranchIsRefused) {
  ModelBuilder model = model_with_io();
  auto& f = add_function(model, "F", {"in"}, {"out"});
  onnx::TensorProto yes;
  yes.set_data_type(onnx::TensorProto::BOOL);
  yes.add_int32_data(1);
  onnx::GraphProto branch;
  call(branch, "F", {"in"}, {"again"}, "again");
  branch.add_output()->set_name("again");
  add_node(f, "Constant", {}, {"yes"}).set("value", yes);
  add_node(f, "If", {"yes"}, {"out"}).set("then_branch", branch).set("else_branch", branch);
  call(model.graph(), "F", {"x"}, {"y"}, "call");
  EXPECT_THAT(read_onnx(model.bytes()).error().text(), HasSubstr("calls itself"));
}

TEST(LocalFunction, ExponentialGrowthIsStopped) {
  // 30 levels that each call the next one four times: 4^30 nodes.
  ModelBuilder model = model_with_io();
  for (int level = 0; level < 30; ++level) {
    auto& f = add_function(model, fmt::format("F{}", level), {"in"}, {"out"});
    for (int i = 0; i < 4; ++i) {
      call(f, fmt::format("F{}", level + 1), {"in"}, {i == 0 ? "out" : fmt::format("o{}", i)},
           fmt::format("c{}", i));
    }
  }
  call(model.graph(), "F0", {"x"}, {"y"}, "call");
  const auto graph = read_onnx(model.bytes());
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kOutOfRange);
}

TEST(LocalFunction, DeepNestingIsStopped) {
  ModelBuilder model = model_with_io();
  for (int level = 0; level < 200; ++level) {
    auto& f = add_function(model, fmt::format("F{}", level), {"in"}, {"out"});
    if (level < 199) {
      call(f, fmt::format("F{}", level + 1), {"in"}, {"out"}, "c");
    } else {
      add_node(f, "Relu", {"in"}, {"out"});
    }
  }
  call(model.graph(), "F0", {"x"}, {"y"}, "call");
  EXPECT_THAT(read_onnx(model.bytes()).error().text(), HasSubstr("nested more than 64"));
}

TEST(LocalFunction, TooManyArgumentsAndMissingFunctions) {
  ModelBuilder model = model_with_io();
  auto& f = add_function(model, "F", {"in"}, {"out"});
  add_node(f, "Relu", {"in"}, {"out"});
  call(model.graph(), "F", {"x", "x"}, {"y"}, "call");
  EXPECT_THAT(read_onnx(model.bytes()).error().text(), HasSubstr("node 'call'"));

  ModelBuilder absent = model_with_io();
  call(absent.graph(), "G", {"x"}, {"y"}, "call");
  EXPECT_THAT(read_onnx(absent.bytes()).error().text(), HasSubstr("local.G: 1 (call)"));
}

}  // namespace
}  // namespace quant
