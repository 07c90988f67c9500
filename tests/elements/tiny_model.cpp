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
  model.floats("w2", {options.heat_channels, kFeatures, 1, 1},
               weights(static_cast<std::size_t>(options.heat_channels * kFeatures), random));
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

// How many steps stand where the optimizer had one. Words: the same real range in steps 257 times
// as fine, of later channels not quite. Bytes: later channels in coarser steps than they need, so
// that none saturates.
float steps_of(RawOutputs raw, std::int64_t channel) {
  const auto c = static_cast<float>(channel);
  switch (raw) {
    case RawOutputs::kBytes:
      return 1;
    case RawOutputs::kBytesPerChannel:
      return 1 / (1 + c / 4);
    case RawOutputs::kWords:
      return 257;
    case RawOutputs::kWordsPerChannel:
      return 257 - 57 * c;
  }
  return 1;
}

void change_outputs(Graph& graph, RawOutputs raw) {
  const bool wide = raw == RawOutputs::kWords || raw == RawOutputs::kWordsPerChannel;
  const bool channels = raw == RawOutputs::kBytesPerChannel || raw == RawOutputs::kWordsPerChannel;
  for (const ValueId id : graph.outputs) {
    Value& value = graph.value(id);
    QuantParams& params = *value.quant;
    if (wide) value.type = params.type = DataType::kUint16;
    params.axis = 1;
    const float scale = params.scale[0];
    const float zero_point = params.zero_point[0];
    params.scale.clear();
    params.zero_point.clear();
    for (std::int64_t c = 0; c < (channels ? value.shape[1] : 1); ++c) {
      const float steps = steps_of(raw, c);
      params.scale.push_back(scale / steps);
      params.zero_point.push_back(wide ? zero_point * steps : zero_point);
    }
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
  if (options.raw != RawOutputs::kBytes) change_outputs(archive.model.integer, options.raw);
  archive.calibration.method = "min-max";
  return write_archive(path, archive);
}

}  // namespace

std::string tiny_model(const TinyModelOptions& options) {
  const std::string path = scratch_folder() + "/tiny_" + std::to_string(options.width) + "x" +
                           std::to_string(options.height) + "_" + to_string(options.color) + "_" +
                           std::to_string(options.heat_channels) + "_" +
                           std::to_string(static_cast<int>(options.raw)) + ".qar";
  if (std::filesystem::exists(path)) return path;
  const Status written = write_model(path, options);
  EXPECT_TRUE(written) << written.error().text();
  return path;
}

}  // namespace quant::testing
