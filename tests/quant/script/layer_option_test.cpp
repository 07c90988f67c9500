// SPDX-License-Identifier: MIT
#include "quant/script/layer_option.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

const std::vector<Layer> kLayers = {{"conv1", "conv", {"/a/Conv"}, ""},
                                    {"conv12", "conv", {"/b/Conv", "/b/Relu"}, ""},
                                    {"dw1", "dw", {"/c/Conv"}, ""}};

std::vector<std::size_t> select(const std::string& text) {
  const auto selected = layers_of_option(text, "--taps", kLayers);
  EXPECT_TRUE(selected) << selected.error().text();
  return selected ? *selected : std::vector<std::size_t>{99};
}

std::string message(const std::string& text) {
  const auto selected = layers_of_option(text, "--taps", kLayers);
  EXPECT_FALSE(selected) << text;
  return selected ? "" : selected.error().message;
}

TEST(LayerOption, NamesPatternsNodesAndLists) {
  using Indices = std::vector<std::size_t>;
  EXPECT_EQ(select("conv1"), Indices({0}));
  EXPECT_EQ(select("{conv*}"), Indices({0, 1}));
  EXPECT_EQ(select("{conv1[0-9]}"), Indices({1}));
  EXPECT_EQ(select("dw1, {conv?}"), Indices({0, 2}));
  EXPECT_EQ(select("[dw1, conv1, conv1]"), Indices({0, 2}));
  EXPECT_EQ(select("\"/b/Relu\""), Indices({1}));
  EXPECT_EQ(select("net/conv1"), Indices({0}));
}

TEST(LayerOption, NothingFoundNamesThePlaceAndWhatIsClose) {
  const std::string text = message("conv1, {cnov*}");
  EXPECT_NE(text.find("--taps:1:8: no layer matches '{cnov*}'; did you mean 'conv'"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("conv1, {cnov*}\n       ^"), std::string::npos) << text;
}

TEST(LayerOption, WhatIsNoSelectorIsAnError) {
  for (const char* text : {"", "3", "[]", "conv1) other(dw1", "layers=conv1", "{conv*", "conv1,,",
                           "{}", "conv1 dw1", "\n", "\xff"})
    EXPECT_NE(message(text).find("--taps:"), std::string::npos) << text;
}

}  // namespace
}  // namespace quant
