// SPDX-License-Identifier: MIT
// The whole way on real networks: quantize, run on the emulator. How much is lost against the float
// model, and that no instruction set, number of threads or run changes a byte.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "quant/backend/emulator.h"
#include "quant/backend/host_part.h"
#include "quant/backend/reference.h"
#include "quant/base/read_file.h"
#include "quant/engine/integer_executor.h"
#include "quant/metrics/snr.h"
#include "quant/optimize/optimizer.h"
#include "quant/vision/decode_image.h"
#include "real_models.h"

namespace quant {
namespace {

std::vector<std::filesystem::path> images_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<Tensor> frames_of(const std::vector<std::filesystem::path>& paths,
                              const InputSpec& spec) {
  std::vector<Tensor> frames;
  for (const auto& path : paths) {
    auto frame = load_image(path, spec);
    EXPECT_TRUE(frame) << frame.error().text();
    if (frame) frames.push_back(std::move(*frame));
  }
  return frames;
}

class FrameSet : public CalibrationSet {
 public:
  FrameSet(const std::vector<Tensor>& frames, InputSpec spec)
      : frames_(frames), spec_(std::move(spec)) {
    spec_.mean.assign(spec_.mean.size(), 0.0F);
    spec_.std.assign(spec_.std.size(), 1.0F);
  }
  std::optional<std::int64_t> count() const override {
    return static_cast<std::int64_t>(frames_.size());
  }
  Result<std::optional<std::vector<Tensor>>> next() override {
    if (next_ == frames_.size()) return std::optional<std::vector<Tensor>>();
    return std::optional(std::vector<Tensor>{normalize_frame(frames_[next_++], spec_)});
  }
  Status rewind() override {
    next_ = 0;
    return {};
  }

 private:
  const std::vector<Tensor>& frames_;
  InputSpec spec_;
  std::size_t next_ = 0;
};

Result<OptimizedModel> optimize_frames(const std::vector<std::byte>& onnx,
                                       const testing::RealModel& model,
                                       const std::vector<Tensor>& frames) {
  OptimizerOptions options;
  options.input = model.input;
  options.read.input_shapes = {{model.input.name, model.shape()}};
  FrameSet set(frames, model.input);
  return optimize(onnx, options, set, {});
}

std::vector<std::byte> onnx_of(const testing::RealModel& model) {
  auto bytes = read_file(testing::model_path(model), 1 << 28);
  EXPECT_TRUE(bytes) << bytes.error().text();
  return bytes ? std::move(*bytes) : std::vector<std::byte>();
}

struct Expected {
  std::string model;
  // In dB, one per output in the model's order: ONNX Runtime's static quantization (u8 activations,
  // s8 weights per channel, min-max) run with exact arithmetic on the same frames.
  std::vector<double> peer_db;
};

class QuantizedAccuracy : public ::testing::TestWithParam<Expected> {};

TEST_P(QuantizedAccuracy, LosesAtMostHalfADecibelMoreThanThePeer) {
  constexpr double kSlackDb = 0.5;
  if (!testing::has_data()) GTEST_SKIP() << testing::missing_data();
  const testing::RealModel model = testing::real_model(GetParam().model);
  const auto images = testing::data_folder() / "images";
  std::vector<std::filesystem::path> calibration_paths;
  std::vector<std::filesystem::path> test_paths;
  if (model.images == "imagenet") {
    const auto all = images_in(images / "imagenet");
    calibration_paths.assign(all.begin(), all.begin() + 50);
    test_paths.assign(all.begin() + 50, all.end());
  } else {
    calibration_paths = images_in(images / "wider" / "calib");
    test_paths = images_in(images / "wider" / "test");
  }
  const std::vector<std::byte> onnx = onnx_of(model);
  auto optimized = optimize_frames(onnx, model, frames_of(calibration_paths, model.input));
  ASSERT_TRUE(optimized) << optimized.error().text();

  const auto integer = std::make_shared<const Graph>(std::move(optimized->model.integer));
  const auto host = std::make_shared<const Graph>(std::move(optimized->model.host));
  auto plan = IntegerPlan::create(integer, {available_isas().front(), {}});
  ASSERT_TRUE(plan) << plan.error().text();
  const auto emulator = make_emulator(*plan, 1);
  auto host_part = make_host_part(emulator->output_params(), host, 1);
  ASSERT_TRUE(host_part) << host_part.error().text();
  auto reference =
      make_reference(ReferenceKind::kAuto, {onnx, {{model.input.name, model.shape()}}, {}, {}}, 1);
  ASSERT_TRUE(reference) << reference.error().text();

  std::vector<OutputError> pooled(GetParam().peer_db.size());
  for (const Tensor& frame : frames_of(test_paths, model.input)) {
    std::vector<Tensor> raw;
    std::vector<Tensor> quantized;
    std::vector<Tensor> expected;
    ASSERT_TRUE(emulator->run(std::span(&frame, 1), raw));
    ASSERT_TRUE((*host_part)->run(raw, quantized));
    const Tensor input = normalize_frame(frame, model.input);
    ASSERT_TRUE((*reference)->run(std::span(&input, 1), expected));
    ASSERT_EQ(quantized.size(), pooled.size());
    for (std::size_t i = 0; i < pooled.size(); ++i) {
      const auto error = measure_error(expected[i], quantized[i]);
      ASSERT_TRUE(error) << error.error().text();
      pooled[i].merge(*error);
    }
  }
  for (std::size_t i = 0; i < pooled.size(); ++i) {
    fmt::print("{:<16} {:<12} {:6.2f} dB, peer {:.1f} dB\n", GetParam().model,
               (*reference)->outputs()[i].name, pooled[i].snr().db, GetParam().peer_db[i]);
    EXPECT_GE(pooled[i].snr().db, GetParam().peer_db[i] - kSlackDb);
  }
}

INSTANTIATE_TEST_SUITE_P(
    RealModels, QuantizedAccuracy,
    ::testing::Values(Expected{"face_rfb320", {42.8, 16.5}},
                      Expected{"xfeat_480x640", {20.8, 18.4, 24.0}},
                      Expected{"mobilenetv2", {13.6}},
                      Expected{"nanodet_m", {13.5, 14.1, 15.5, 16.2, 15.7, 16.6}},
                      Expected{"yolov8n_320", {26.9}}, Expected{"yolo_fastestv2", {26.6}}),
    [](const auto& test) { return test.param.model; });

class Exactness : public ::testing::TestWithParam<testing::RealModel> {};

// Every inner tensor, not the outputs alone: a difference must not round away further down.
TEST_P(Exactness, NoInstructionSetThreadOrRunChangesAByte) {
  if (!testing::has_data()) GTEST_SKIP() << testing::missing_data();
  const std::vector<Tensor> frames =
      frames_of(testing::images_for(GetParam(), 2), GetParam().input);
  auto optimized = optimize_frames(onnx_of(GetParam()), GetParam(), frames);
  ASSERT_TRUE(optimized) << optimized.error().text();
  const auto integer = std::make_shared<const Graph>(std::move(optimized->model.integer));
  std::vector<ValueId> inner;
  for (const Node& node : integer->nodes) {
    inner.insert(inner.end(), node.outputs.begin(), node.outputs.end());
  }
  const auto run = [&](Isa isa, int threads) {
    auto plan = IntegerPlan::create(integer, {isa, inner});
    EXPECT_TRUE(plan) << plan.error().text();
    IntegerExecutor executor(*plan, threads);
    std::vector<Tensor> outputs = executor.make_outputs();
    EXPECT_TRUE(executor.run(frames[0], outputs));
    return outputs;
  };
  const auto expect_same = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                               const std::string& what) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(std::memcmp(a[i].raw(), b[i].raw(), a[i].bytes()), 0) << what << ", tensor " << i;
    }
  };
  const std::vector<Tensor> scalar = run(Isa::kRef, 1);
  expect_same(scalar, run(Isa::kRef, 2), "scalar, 2 threads");
  for (const Isa isa : available_isas()) {
    expect_same(scalar, run(isa, 1), std::string(to_string(isa)) + ", 1 thread");
    expect_same(scalar, run(isa, 2), std::string(to_string(isa)) + ", 2 threads");
  }
}

INSTANTIATE_TEST_SUITE_P(RealModels, Exactness, ::testing::ValuesIn(testing::real_models()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace quant
