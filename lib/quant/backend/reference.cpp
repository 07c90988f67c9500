// SPDX-License-Identifier: MIT
// Names of the references, and the choice among them.
#include "quant/backend/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "quant/backend/native_reference.h"
#include "quant/backend/onnxruntime_reference.h"
#include "quant/backend/opencv_reference.h"
#include "quant/onnx/onnx_reader.h"

namespace quant {
namespace {

Result<std::unique_ptr<Backend>> make_opencv(const ReferenceModel& model, int threads) {
  QUANT_TRY_ASSIGN(const Graph graph,
                   read_onnx(model.onnx, {.input_shapes = model.input_shapes,
                                          .end_nodes = model.end_nodes,
                                          .external_data_dir = model.external_data_dir}));
  return make_opencv_reference(model, threads, describe(graph, graph.outputs));
}

Result<std::unique_ptr<Backend>> make_best(const ReferenceModel& model, int threads) {
  auto onnxruntime = make_onnxruntime_reference(model, {.threads = threads});
  if (onnxruntime) return onnxruntime;
  auto opencv = make_opencv(model, threads);
  if (opencv) return opencv;
  auto native = make_native_reference(model, threads);
  if (native) return native;
  return fail(
      native.error().code,
      fmt::format("no float reference can run this model (ONNX Runtime: {}; OpenCV: {}; "
                  "native: {})",
                  onnxruntime.error().text(), opencv.error().text(), native.error().text()));
}

}  // namespace

const char* to_string(ReferenceKind kind) {
  switch (kind) {
    case ReferenceKind::kAuto:
      return "auto";
    case ReferenceKind::kOnnxRuntime:
      return "onnxruntime";
    case ReferenceKind::kOpenCv:
      return "opencv";
    case ReferenceKind::kNative:
      return "native";
  }
  return "auto";
}

std::optional<ReferenceKind> reference_kind_from_string(std::string_view name) {
  for (ReferenceKind kind : {ReferenceKind::kAuto, ReferenceKind::kOnnxRuntime,
                             ReferenceKind::kOpenCv, ReferenceKind::kNative})
    if (name == to_string(kind)) return kind;
  return std::nullopt;
}

Result<std::unique_ptr<Backend>> make_reference(ReferenceKind kind, const ReferenceModel& model,
                                                int threads) {
  if (threads < 0)
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} threads cannot run", threads));
  if (threads == 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  switch (kind) {
    case ReferenceKind::kAuto:
      return make_best(model, threads);
    case ReferenceKind::kOnnxRuntime:
      return make_onnxruntime_reference(model, {.threads = threads});
    case ReferenceKind::kOpenCv:
      return make_opencv(model, threads);
    case ReferenceKind::kNative:
      return make_native_reference(model, threads);
  }
  return fail(ErrorCode::kInternal, "unknown kind of reference");
}

}  // namespace quant
