// SPDX-License-Identifier: MIT
#include "quant/script/selector.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = SelectorItem::Kind;

const std::vector<Layer>& net() {
  static const std::vector<Layer> layers = {{"conv1", "conv", {"/a/Conv"}, "net"},
                                            {"conv2", "conv", {"/b/Conv", "/b/Relu"}, "net"},
                                            {"dw1", "dw", {"/c/Conv"}, "net"},
                                            {"fc1", "fc", {"/d/Gemm"}, "net"}};
  return layers;
}

std::vector<std::size_t> selected(Kind kind, const std::string& text,
                                  const std::vector<Layer>& layers = net()) {
  std::vector<Diagnostic> errors;
  return select_layers({{{kind, text, {1, 1}}}}, layers, errors);
}

std::string error(Kind kind, const std::string& text, const std::vector<Layer>& layers = net()) {
  std::vector<Diagnostic> errors;
  select_layers({{{kind, text, {1, 1}}}}, layers, errors);
  return errors.empty() ? "" : errors[0].message;
}

TEST(Selector, NamesWithAndWithoutScope) {
  EXPECT_THAT(selected(Kind::kName, "conv2"), ElementsAre(1));
  EXPECT_THAT(selected(Kind::kName, "net/conv2"), ElementsAre(1));
  EXPECT_THAT(selected(Kind::kName, "other/conv2"), IsEmpty());
}

TEST(Selector, PatternsWithAndWithoutScope) {
  EXPECT_THAT(selected(Kind::kGlob, "conv*"), ElementsAre(0, 1));
  EXPECT_THAT(selected(Kind::kGlob, "*"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(selected(Kind::kGlob, "net/conv[2-9]"), ElementsAre(1));
  EXPECT_THAT(selected(Kind::kGlob, "n*/*1"), ElementsAre(0, 2, 3));
  // A pattern without a scope is not compared with the scope: "net" holds an e.
  EXPECT_THAT(selected(Kind::kGlob, "*e*"), IsEmpty());
}

TEST(Selector, AnUnknownScopeTakesAny) {
  const std::vector<Layer> layers = {{"conv1", "conv", {}, ""}};
  EXPECT_THAT(selected(Kind::kName, "whatever/conv1", layers), ElementsAre(0));
  EXPECT_THAT(selected(Kind::kGlob, "whatever/conv*", layers), ElementsAre(0));
}

TEST(Selector, OriginalNamesAreExact) {
  EXPECT_THAT(selected(Kind::kOriginalName, "/b/Relu"), ElementsAre(1));
  EXPECT_THAT(selected(Kind::kOriginalName, "conv1"), IsEmpty());
}

TEST(Selector, AListSelectsEachOnce) {
  std::vector<Diagnostic> errors;
  const Selector list{{{Kind::kName, "fc1", {}}, {Kind::kGlob, "*1", {}}}};
  EXPECT_THAT(select_layers(list, net(), errors), ElementsAre(0, 2, 3));
  EXPECT_THAT(errors, IsEmpty());
}

TEST(Selector, WhatMatchesNothingSaysWhatIsNear) {
  const std::string types = " (types of layers here: conv, dw, fc)";
  EXPECT_EQ(error(Kind::kName, "conv3"),
            "no layer is called 'conv3'; did you mean 'conv1' or 'conv2'?" + types);
  EXPECT_EQ(error(Kind::kName, "net/fc"),
            "no layer is called 'net/fc'; did you mean 'fc1'?" + types);
  EXPECT_EQ(error(Kind::kName, "x/conv1"),
            "'x/conv1' is of another network: the scope here is 'net'");
  EXPECT_EQ(error(Kind::kGlob, "x/conv*"),
            "'x/conv*' is of another network: the scope here is 'net'");
  EXPECT_EQ(error(Kind::kGlob, "cnov*"),
            "no layer matches '{cnov*}'; did you mean 'conv'?" + types);
  EXPECT_EQ(
      error(Kind::kOriginalName, "/a/Conw"),
      "no layer was made from an ONNX node called '/a/Conw'; did you mean '/a/Conv'?" + types);
  EXPECT_EQ(error(Kind::kName, "conv1", {}), "no layer is called 'conv1' (there are no layers)");
}

TEST(Selector, PrintsAsInAScript) {
  EXPECT_EQ(to_text(Selector{{{Kind::kName, "a", {}}}}), "a");
  EXPECT_EQ(to_text(Selector{{{Kind::kGlob, "a*", {}}, {Kind::kOriginalName, "/b", {}}}}),
            "[{a*}, \"/b\"]");
}

TEST(Layer, OfAGraphBetweenItsInputsAndOutputs) {
  Graph graph;
  const ValueId in = graph.add_value({"image"});
  const ValueId out = graph.add_value({"heat"});
  graph.inputs = {in};
  graph.outputs = {out};
  Node node;
  node.name = "ew_add12";
  node.original_names = {"/Add"};
  graph.nodes.push_back(node);
  const std::vector<std::string> inputs = {"input_layer1"};
  const std::vector<std::string> outputs = {"output_layer1"};
  EXPECT_THAT(layers_of(graph, inputs, outputs, "net"),
              ElementsAre(Layer{"input_layer1", "input_layer", {"image"}, "net"},
                          Layer{"ew_add12", "ew_add", {"/Add"}, "net"},
                          Layer{"output_layer1", "output_layer", {"heat"}, "net"}));
}

}  // namespace
}  // namespace quant
