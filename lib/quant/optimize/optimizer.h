// SPDX-License-Identifier: MIT
// An ONNX model and calibration frames in, a quantized model out. First scheme: a8_w8, one range a
// tensor, weights per output channel.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "quant/graph/quantized_model.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/calibrate.h"

namespace quant {

struct OptimizerOptions {
  OnnxReadOptions read;
  InputSpec input;  // name may be empty: the model's only input
  CalibrationOptions calibration;
};

struct OptimizedModel {
  QuantizedModel model;
  // The fp-optimized graph, and what calibration saw of its values (by ValueId).
  std::shared_ptr<const Graph> float_graph;
  CalibrationResult calibration;
};

// The graph that calibration runs on and lowering takes (context `fp-optimized`). Also fills in
// `input.name` where it is empty. Errors of the reader; InvalidArgument where the model's input is
// no image of input's size.
Result<Graph> read_fp_optimized(std::span<const std::byte> onnx, const OnnxReadOptions& read,
                                InputSpec& input);

// The image input that a model declares: name, width, height, channels (1: gray, 3: `color`); mean
// and std as given, one value spread over all channels. Errors where the model has several inputs
// or none that is an image.
Result<InputSpec> image_input(const Graph& graph, ColorOrder color, std::vector<float> mean,
                              std::vector<float> std);

// Same inputs, same result, bit for bit, with any number of threads.
Result<OptimizedModel> optimize(std::span<const std::byte> onnx, const OptimizerOptions& options,
                                CalibrationSet& set,
                                const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace quant
