// SPDX-License-Identifier: MIT
// The float image models that lie beside the source tree, with what each wants to see. Tests skip
// where the folder is absent: GTEST_SKIP() << missing_data().
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/tensor/shape.h"
#include "quant/vision/frame.h"

namespace quant::testing {

struct RealModel {
  std::string name;  // file name without .onnx
  InputSpec input;
  ResizeMode resize = ResizeMode::kStretch;
  std::string images;  // folder below images/

  Shape shape() const { return {1, input.channels(), input.height, input.width}; }
};

inline std::filesystem::path data_folder() {
  return std::filesystem::path(GST_QUANT_SOURCE_DIR) / ".." / "shared" / "data";
}

inline bool has_data() { return std::filesystem::exists(data_folder() / "models"); }

inline std::string missing_data() {
  return "no real models and images in " + data_folder().lexically_normal().string();
}

inline std::filesystem::path model_path(const RealModel& model) {
  return data_folder() / "models" / (model.name + ".onnx");
}

// The first `count` photographs of the model's folder, by name.
inline std::vector<std::filesystem::path> images_for(const RealModel& model, std::size_t count) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(data_folder() / "images" / model.images))
    if (entry.path().extension() == ".jpg" || entry.path().extension() == ".png")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  paths.resize(std::min(paths.size(), count));
  return paths;
}

inline std::vector<RealModel> real_models() {
  constexpr auto kRgb = ColorOrder::kRgb;
  constexpr auto kBgr = ColorOrder::kBgr;
  const std::vector<float> imagenet_mean = {123.675f, 116.28f, 103.53f};
  const std::vector<float> imagenet_std = {58.395f, 57.12f, 57.375f};
  const std::vector<float> zero = {0, 0, 0};
  const std::vector<float> full = {255, 255, 255};
  const std::vector<float> middle = {127, 127, 127};
  const std::vector<float> half = {128, 128, 128};
  constexpr auto kStretch = ResizeMode::kStretch;
  constexpr auto kLetterbox = ResizeMode::kLetterbox;
  return {
      {"face_rfb320", {"input", 320, 240, kRgb, middle, half}, kStretch, "face"},
      {"face_rfb320_decoded", {"input", 320, 240, kRgb, middle, half}, kStretch, "face"},
      {"face_scrfd_2.5g",
       {"images", 640, 640, kRgb, {127.5f, 127.5f, 127.5f}, half},
       kStretch,
       "face"},
      {"xfeat_480x640", {"input", 640, 480, ColorOrder::kGray, {0}, {255}}, kStretch, "pairs"},
      {"mobilenetv2", {"input", 224, 224, kRgb, imagenet_mean, imagenet_std}, kStretch, "imagenet"},
      {"yolo_fastestv2", {"input.1", 352, 352, kBgr, zero, full}, kStretch, "voc"},
      {"nanodet_m",
       {"input.1", 416, 416, kBgr, {103.53f, 116.28f, 123.675f}, {57.375f, 57.12f, 58.395f}},
       kStretch,
       "voc"},
      {"yolov8n_320", {"images", 320, 320, kRgb, zero, full}, kLetterbox, "voc"},
      {"text_ppocrv3_det", {"x", 320, 320, kRgb, imagenet_mean, imagenet_std}, kStretch, "text"},
  };
}

// Precondition: one of real_models().
inline RealModel real_model(const std::string& name) {
  for (const RealModel& model : real_models())
    if (model.name == name) return model;
  return {};
}

}  // namespace quant::testing
