// SPDX-License-Identifier: MIT
// Models of real exporters, where they are present beside the project.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "quant/onnx/onnx_reader.h"

namespace quant {
namespace {

const std::filesystem::path kData = GST_QUANT_SOURCE_DIR "/../shared/data";

struct Case {
  const char* file;
  std::size_t outputs;
  std::map<std::string, Shape> input_shapes = {};
};

class RealModel : public ::testing::TestWithParam<Case> {};

bool is_shape_arithmetic(OpKind op) {
  return op == OpKind::kShape || op == OpKind::kSize || op == OpKind::kConstantOfShape ||
         op == OpKind::kRange || op == OpKind::kCast;
}

TEST_P(RealModel, IsReadWithoutShapeArithmetic) {
  const std::filesystem::path path = kData / GetParam().file;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  OnnxReadOptions options;
  options.input_shapes = GetParam().input_shapes;
  const auto graph = read_onnx_file(path, options);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->outputs.size(), GetParam().outputs);
  EXPECT_EQ(graph->name, path.stem().string());
  for (const Node& node : graph->nodes) {
    EXPECT_FALSE(is_shape_arithmetic(node.op)) << node.name << " " << node.original_names.front();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, RealModel,
    ::testing::Values(
        Case{"models/face_rfb320.onnx", 2}, Case{"models/face_rfb320_decoded.onnx", 2},
        Case{"models/face_scrfd_2.5g.onnx", 9}, Case{"models/mobilenetv2.onnx", 1},
        Case{"models/mobilenetv2_qlinear.onnx", 1}, Case{"models/nanodet_m.onnx", 6},
        Case{"models/text_ppocrv3_det.onnx", 1, {{"x", {1, 3, 640, 640}}}},
        Case{"models/xfeat_480x640.onnx", 3}, Case{"models/yolo_fastestv2.onnx", 1},
        Case{"models/yolov8n_320.onnx", 1},
        Case{"models/lighterglue_L3.onnx", 2, {{"kpts0", {1, 64, 2}}, {"kpts1", {1, 64, 2}}}},
        Case{"peers/face_rfb320_clean.onnx", 2}, Case{"peers/face_rfb320_qdq.onnx", 2},
        Case{"peers/mobilenetv2_qdq.onnx", 1}, Case{"peers/nanodet_m_clean.onnx", 6},
        Case{"peers/nanodet_m_qdq.onnx", 6}, Case{"peers/xfeat_480x640_clean.onnx", 3},
        Case{"peers/xfeat_480x640_qdq.onnx", 3}, Case{"peers/yolo_fastestv2_clean.onnx", 1},
        Case{"peers/yolo_fastestv2_qdq.onnx", 1}, Case{"peers/yolov8n_320_qdq.onnx", 1}),
    [](const auto& param_info) {
      std::string name = std::filesystem::path(param_info.param.file).stem().string();
      std::replace_if(
          name.begin(), name.end(), [](char c) { return c == '.'; }, '_');
      return name;
    });

TEST(RealModels, EndNodeCutsTheBoxDecoding) {
  const std::filesystem::path path = kData / "models/face_rfb320_decoded.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto whole = read_onnx_file(path);
  ASSERT_TRUE(whole);
  // The first node of the decoding is the first Slice.
  const auto slice = std::find_if(whole->nodes.begin(), whole->nodes.end(),
                                  [](const Node& node) { return node.op == OpKind::kSlice; });
  ASSERT_NE(slice, whole->nodes.end());
  OnnxReadOptions options;
  options.end_nodes = {whole->value(slice->inputs[0]).name};
  const auto cut = read_onnx_file(path, options);
  ASSERT_TRUE(cut) << cut.error().text();
  EXPECT_LT(cut->nodes.size(), whole->nodes.size());
  for (const Node& node : cut->nodes) EXPECT_NE(node.op, OpKind::kExp);
}

}  // namespace
}  // namespace quant
