// SPDX-License-Identifier: MIT
// Makes each contestant from the file that is fair to it (METHOD.md).
#include "peers/contestant.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "peers/widen_activations.h"
#include "quant/backend/context.h"
#include "quant/backend/model.h"
#include "quant/backend/native_reference.h"
#include "quant/backend/onnxruntime_reference.h"
#include "quant/backend/reference.h"
#include "quant/base/read_file.h"

namespace quant {
namespace {

constexpr std::uint64_t kMaxModelBytes = std::uint64_t{1} << 30;

// Finite, of a network's usual size, and the same on every run. Times hardly depend on values, but
// zeros would be unfair: some runtimes skip them.
std::vector<Tensor> make_inputs(const Backend& backend) {
  std::vector<Tensor> inputs;
  for (const TensorInfo& info : backend.inputs()) {
    Tensor tensor(info.type, info.shape);
    if (info.type == DataType::kFloat32) {
      const std::span<float> values = tensor.data<float>();
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = 0.9f * std::sin(0.37f * static_cast<float>(i));
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

using Prepare = Result<std::vector<std::byte>> (*)(std::span<const std::byte> file);

// `prepare` changes the file's bytes before they are loaded; null leaves them.
template <typename Make>
Contestant contestant(std::string name, const std::filesystem::path& path, const Make& make,
                      Prepare prepare = nullptr) {
  Contestant result;
  result.name = std::move(name);
  if (path.empty()) {
    result.absent_because = "no such model";
    return result;
  }
  auto bytes = read_file(path, kMaxModelBytes);
  if (!bytes) {
    result.absent_because = bytes.error().text();
    return result;
  }
  if (prepare) {
    bytes = prepare(*bytes);
    if (!bytes) {
      result.absent_because = bytes.error().text();
      return result;
    }
  }
  ReferenceModel model;
  model.onnx = *bytes;
  model.external_data_dir = path.parent_path();
  auto backend = make(model);
  if (!backend) {
    result.absent_because = backend.error().text();
    return result;
  }
  const std::shared_ptr<Backend> shared = std::move(*backend);
  result.description = shared->description();
  result.run_once = [shared, inputs = make_inputs(*shared),
                     outputs = std::vector<Tensor>()]() mutable {
    return shared->run(inputs, outputs);
  };
  return result;
}

Contestant native(std::string name, const std::filesystem::path& path, int threads) {
  return contestant(std::move(name), path, [threads](const ReferenceModel& model) {
    return make_native_reference(model, threads);
  });
}

// From the frame's pixels to the model's own outputs: what ONNX Runtime's quantized model does too.
Contestant emulator(std::string name, const std::filesystem::path& archive, int threads) {
  Contestant result;
  result.name = std::move(name);
  if (archive.empty()) {
    result.absent_because = "no archive (make one with gst-quant optimize, name its folder)";
    return result;
  }
  auto model = Model::open(archive.string());
  if (!model) {
    result.absent_because = model.error().text();
    return result;
  }
  auto context = make_context(*model, ContextKind::kQuantized, ReferenceKind::kAuto, threads);
  if (!context) {
    result.absent_because = context.error().text();
    return result;
  }
  const InputSpec& input = (*model)->input();
  Frame frame;
  frame.pixels.emplace(DataType::kUint8, Shape{input.height, input.width, input.channels()});
  const std::span<std::uint8_t> pixels = frame.pixels->data<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  const std::shared_ptr<Context> shared = std::move(*context);
  result.description = shared->description();
  result.run_once = [shared, frame, outputs = std::vector<Tensor>()]() mutable {
    return shared->run(frame, outputs);
  };
  return result;
}

}  // namespace

std::vector<Contestant> make_contestants(const RaceFiles& files, int threads) {
  const OnnxRuntimeOptions racing = {.threads = threads, .optimizations = GraphOptimizations::kAll};
  const auto onnxruntime = [&racing](const ReferenceModel& model) {
    return make_onnxruntime_reference(model, racing);
  };
  const auto opencv = [threads](const ReferenceModel& model) {
    return make_reference(ReferenceKind::kOpenCv, model, threads);
  };
  std::vector<Contestant> all;
  all.push_back(native("native", files.original, threads));
  all.push_back(emulator("emulator", files.archive, threads));
  all.push_back(emulator("emulator-16", files.wide, threads));
  all.push_back(
      contestant("ort-float", files.clean.empty() ? files.original : files.clean, onnxruntime));
  all.push_back(contestant("ort-int8", files.qdq, onnxruntime));
  all.push_back(contestant("ort-16", files.qdq, onnxruntime, widen_activations));
  all.push_back(contestant("opencv-float", files.original, opencv));
  return all;
}

std::vector<std::vector<Contestant>> make_thread_contestants(const RaceFiles& files, int threads) {
  const std::string suffix = fmt::format("-{}t", threads);
  std::vector<std::vector<Contestant>> races(2);
  races[0].push_back(emulator("emulator", files.archive, 1));
  races[0].push_back(emulator("emulator" + suffix, files.archive, threads));
  races[1].push_back(native("native", files.original, 1));
  races[1].push_back(native("native" + suffix, files.original, threads));
  return races;
}

}  // namespace quant
