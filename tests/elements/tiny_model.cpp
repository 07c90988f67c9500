// SPDX-License-Identifier: MIT
#include "elements/tiny_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "quant/archive/archive.h"
#include "quant/onnx/model_builder.h"
#include "quant/optimize/optimizer.h"

namespace quant::testing {

namespace {

constexpr int kFeatures = 4;
constexpr int kCalibrationFrames = 4;

std::vector<float> weights(std::size_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> values(-0.5F, 0.5F);
  std::vector<float> result(count);
  for (float& value : result) value = values(random);
  return result;
}

std::vector<std::byte> make_onnx(const TinyModelOptions& options, std::int64_t channels) {
  std::mt19937 random(7);
  ModelBuilder model;
  model.input("image", {1, channels, options.height, options.width});
  model.output("heat");
  model.output("pos");
  model.floats("w1", {kFeatures, channels, 3, 3},
               weights(static_cast<std::size_t>(kFeatures * channels * 9), random));
  model.floats("b1", {kFeatures}, weights(kFeatures, random));
  model.floats("w2", {1, kFeatures, 1, 1}, weights(kFeatures, random));
  model.floats("w3", {2, kFeatures}, weights(std::size_t{2} * kFeatures, random));
  model.floats("b3", {2}, weights(2, random));
  model.node("Conv", {"image", "w1", "b1"}, {"c1"})
      .set("kernel_shape", std::vector<std::int64_t>{3, 3})
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c1"}, {"r1"});
  model.node("Conv", {"r1", "w2"}, {"heat"}).set("kernel_shape", std::vector<std::int64_t>{1, 1});
  model.node("GlobalAveragePool", {"r1"}, {"g1"});
  model.node("Flatten", {"g1"}, {"f1"});
  model.node("Gemm", {"f1", "w3", "b3"}, {"pos"}).set("transB", 1);
  return model.bytes();
}

class NoiseFrames : public CalibrationSet {
 public:
  explicit NoiseFrames(Shape shape) : shape_(std::move(shape)) {}
  std::optional<std::int64_t> count() const override { return kCalibrationFrames; }
  Status rewind() override {
    given_ = 0;
    return {};
  }
  Result<std::optional<std::vector<Tensor>>> next() override {
    if (given_ == kCalibrationFrames) return std::optional<std::vector<Tensor>>();
    std::mt19937 random(static_cast<unsigned>(given_++));
    Tensor frame(DataType::kFloat32, shape_);
    for (float& pixel : frame.data<float>()) pixel = static_cast<float>(random() % 256);
    return std::optional(std::vector<Tensor>{std::move(frame)});
  }

 private:
  Shape shape_;
  int given_ = 0;
};

// The same real ranges in steps 257 times as fine, the second channel's not quite.
void widen_outputs(Graph& graph) {
  for (const ValueId id : graph.outputs) {
    Value& value = graph.value(id);
    value.type = DataType::kUint16;
    QuantParams& params = *value.quant;
    params.type = DataType::kUint16;
    params.axis = 1;
    const float scale = params.scale[0];
    const float zero_point = params.zero_point[0];
    params.scale = {scale / 257};
    params.zero_point = {zero_point * 257};
    if (value.shape[1] == 1) continue;
    params.scale.push_back(scale / 200);
    params.zero_point.push_back(zero_point * 200);
  }
}

Status write_model(const std::string& path, const TinyModelOptions& options) {
  OptimizerOptions optimizer;
  optimizer.input.name = "image";
  optimizer.input.width = options.width;
  optimizer.input.height = options.height;
  optimizer.input.color = options.color;
  const int channels = optimizer.input.channels();
  optimizer.input.mean.assign(static_cast<std::size_t>(channels), 127);
  optimizer.input.std.assign(static_cast<std::size_t>(channels), 128);
  NoiseFrames frames({1, channels, options.height, options.width});
  Archive archive;
  archive.original_onnx = make_onnx(options, channels);
  QUANT_TRY_ASSIGN(auto optimized, optimize(archive.original_onnx, optimizer, frames, {}));
  archive.model = std::move(optimized.model);
  if (options.wide_outputs) widen_outputs(archive.model.integer);
  archive.calibration.method = "min-max";
  return write_archive(path, archive);
}

}  // namespace

std::string tiny_model(const TinyModelOptions& options) {
  const std::string path = scratch_folder() + "/tiny_" + std::to_string(options.width) + "x" +
                           std::to_string(options.height) + "_" + to_string(options.color) +
                           (options.wide_outputs ? "_wide" : "") + ".qar";
  if (std::filesystem::exists(path)) return path;
  const Status written = write_model(path, options);
  EXPECT_TRUE(written) << written.error().text();
  return path;
}

}  // namespace quant::testing
