// SPDX-License-Identifier: MIT
// An ONNX model and calibration frames in, a quantized model out: a8_w8, one range a tensor,
// weights per output channel. How much is done for accuracy is the level's to say.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/calibrate.h"

namespace quant {

// As the toolchain numbers its levels; each does what those below it do.
enum class OptimizationLevel {
  kNone = -100,
  kEqualization = 0,
  kBiasCorrection = 1,  // and ranges searched for, where no method is asked for
};

struct OptimizerOptions {
  OnnxReadOptions read;
  InputSpec input;  // name may be empty: the model's only input
  OptimizationLevel level = OptimizationLevel::kNone;
  // How ranges are chosen; nothing: min-max, and from kBiasCorrection on a search among all
  // methods.
  std::optional<RangeMethod> method;
  double percentile = 99.999;
  int threads = 1;
};

struct OptimizedModel {
  QuantizedModel model;
  // The fp-optimized graph, equalized where the level asks for it, and of its values (by ValueId)
  // what calibration saw and the range that was chosen.
  std::shared_ptr<const Graph> float_graph;
  std::vector<Range> seen;
  std::vector<Range> chosen;
};

// One step of the work: its name ("calibrating", "searching ranges", …), what is done of it and how
// much there is (0 where unknown).
using OptimizerProgress =
    std::function<void(std::string_view step, std::int64_t done, std::int64_t total)>;

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
                                CalibrationSet& set, const OptimizerProgress& progress);

}  // namespace quant
