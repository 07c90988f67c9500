// SPDX-License-Identifier: MIT
// The part of optimizer.h that elements need: apart from the optimizer, which brings in libtorch.
#include "quant/optimize/image_network.h"

#include <fmt/format.h>

#include "quant/optimize/optimizer.h"
#include "quant/passes/optimize_float.h"
#include "quant/passes/saturate.h"

namespace quant {

Result<Graph> read_optimized(std::span<const std::byte> onnx, const OnnxReadOptions& read,
                             InputSpec& input) {
  QUANT_TRY_ASSIGN(Graph graph, read_onnx(onnx, read));
  if (input.is_image() && input.name.empty() && graph.inputs.size() == 1)
    input.name = graph.value(graph.inputs[0]).name;
  return optimize_float(std::move(graph), input);
}

Result<Graph> read_fp_optimized(std::span<const std::byte> onnx, const OnnxReadOptions& read,
                                InputSpec& input) {
  QUANT_TRY_ASSIGN(Graph graph, read_optimized(onnx, read, input));
  saturate(graph);
  for (Value& value : graph.values) value.quant.reset();  // what runs in float has no integers
  return graph;
}

namespace {

bool is_image(const Value& value) {
  const Shape& shape = value.shape;
  return value.type == DataType::kFloat32 && shape.size() == 4 && shape[0] == 1 &&
         (shape[1] == 1 || shape[1] == 3) && shape[2] > 0 && shape[3] > 0 &&
         shape[2] <= (1 << 16) && shape[3] <= (1 << 16);
}

Result<InputSpec> feature_inputs(const Graph& graph) {
  InputSpec spec;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    if (value.type != DataType::kFloat32 || value.shape.empty() || !is_static(value.shape)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("the input is {} {}, neither an image (1, 1 or 3, H, W) nor features "
                              "of float32",
                              to_string(value.type), to_string(value.shape)),
                  value.name);
    }
    spec.features.push_back({value.name, value.shape});
  }
  if (spec.features.empty())
    return fail(ErrorCode::kUnsupported, "the model has no input", graph.name);
  return spec;
}

}  // namespace

Result<InputSpec> describe_input(const Graph& graph, ColorOrder color, std::vector<float> mean,
                                 std::vector<float> std) {
  if (graph.inputs.size() != 1 || !is_image(graph.value(graph.inputs[0]))) {
    QUANT_TRY_ASSIGN(InputSpec spec, feature_inputs(graph));
    if (mean != std::vector<float>{0} || std != std::vector<float>{1}) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the input is {} {}, no image: mean and std do not apply",
                              to_string(DataType::kFloat32), to_string(spec.features[0].shape)),
                  spec.features[0].name);
    }
    return spec;
  }
  const Value& value = graph.value(graph.inputs[0]);
  const Shape& shape = value.shape;
  InputSpec spec;
  spec.name = value.name;
  spec.color = shape[1] == 1 ? ColorOrder::kGray : color;
  spec.height = static_cast<int>(shape[2]);
  spec.width = static_cast<int>(shape[3]);
  if (shape[1] == 3 && color == ColorOrder::kGray) {
    return fail(ErrorCode::kInvalidArgument,
                "the model takes three channels; colour cannot be gray", value.name);
  }
  for (std::vector<float>* values : {&mean, &std}) {
    if (values->size() == 1) values->resize(static_cast<std::size_t>(shape[1]), values->front());
    if (static_cast<std::int64_t>(values->size()) != shape[1]) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} values of mean or std for {} channels", values->size(), shape[1]),
                  value.name);
    }
  }
  for (const float value_of_std : std) {
    if (!(value_of_std > 0))
      return fail(ErrorCode::kInvalidArgument, "std must be greater than 0", value.name);
  }
  spec.mean = std::move(mean);
  spec.std = std::move(std);
  return spec;
}

}  // namespace quant
