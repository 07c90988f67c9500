// SPDX-License-Identifier: MIT
// The float model beside the quantized one: which runtimes can run it, and the choice among them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/tensor/shape.h"

namespace quant {

enum class ReferenceKind {
  kAuto,         // the first of the following that can run the model
  kOnnxRuntime,  // independent; where it was found when this library was built
  kOpenCv,       // independent; loads fewer models
  kNative,       // this project's own reader and executor: not independent
};

// "auto", "onnxruntime", "opencv", "native".
const char* to_string(ReferenceKind kind);
std::optional<ReferenceKind> reference_kind_from_string(std::string_view name);

struct ReferenceModel {
  std::span<const std::byte> onnx;            // the file; needed only while the reference is made
  std::map<std::string, Shape> input_shapes;  // fixes inputs whose shape the file leaves open
  std::vector<std::string> end_nodes;         // cuts the graph as the reader does (ONNX node names)
  std::filesystem::path external_data_dir;    // where weights in other files are; empty: nowhere
};

// A reference of that kind. `threads` 0: one per core. Its inputs are the model's without
// initializers, float16 shown as float32. An explicit kind never becomes another: Unavailable where
// it was not built in, else the error of that runtime. kAuto takes OpenCV only where it gives the
// outputs, names and shapes, that our reader expects, and falls back to kNative; the error then
// names what each runtime said.
Result<std::unique_ptr<Backend>> make_reference(ReferenceKind kind, const ReferenceModel& model,
                                                int threads);

}  // namespace quant
