// SPDX-License-Identifier: MIT
// An ONNX model and calibration frames in, a quantized model out. How much is done for accuracy is
// the level's to say, what single layers get a model script's.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/finetune.h"
#include "quant/optimize/hessian_rounding.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/precision_search.h"
#include "quant/optimize/split_search.h"
#include "quant/optimize/target.h"
#include "quant/script/model_script.h"

namespace quant {

// As the toolchain numbers its levels; each does what those below it do.
enum class OptimizationLevel {
  kNone = -100,
  kEqualization = 0,
  // And ranges searched for, where no method is asked for; weights rounded by what they meet.
  kBiasCorrection = 1,
  // Layers computed in several copies where that is worth it; weights, biases and ranges trained on
  // the float network.
  kFinetuning = 2,
  kRounding = 3,      // weights rounded by what they meet in 256 frames at least
  kMoreRounding = 4,  // the same with 1024
};

// What runs; a level's, unless a script says otherwise of one of them.
struct Algorithms {
  bool equalization = false;
  bool range_search = false;
  bool bias_correction = false;
  bool finetuning = false;
  bool rounding = false;
};
Algorithms algorithms_of(OptimizationLevel level);

struct OptimizerOptions {
  OnnxReadOptions read;
  InputSpec input;  // name may be empty: the model's only input
  OptimizationLevel level = OptimizationLevel::kNone;
  // What it says of layers, ranges and policies; its input settings are in `input` already
  // (apply_input_settings), its level in `level`.
  std::optional<ModelScript> script;
  std::string scope;  // the network's name in the script's selectors
  Target target = Target::kGeneric;
  // Shares of the weights that get 4 and 16 bits; nothing: as the script says, else none.
  std::optional<double> share_in_4_bits;
  std::optional<double> share_in_16_bits;
  // Where a signal-to-noise ratio is wanted of the outputs (one for all, or one each), the layers
  // that are worth 16 bits are searched for. Empty: none. Of 32 frames and more, one in four is
  // then held back from the ranges and judges (of many, so many that about 32 judge).
  std::vector<double> wanted_db;
  // Products that copies of layers may add, as a share of the network's (split_search.h); nothing:
  // what the level allows.
  std::optional<double> most_copied;
  // How ranges are chosen; nothing: min-max, and from kBiasCorrection on a search among all
  // methods.
  std::optional<RangeMethod> method;
  double percentile = 99.999;
  FinetuneOptions finetune;        // its `threads` are the ones below
  bool accept_few_frames = false;  // for rounding
  std::function<bool()> stop;      // asked all the time; true ends the work with an error
  bool accept_memory = false;      // go on where more is needed than there is (memory_estimate.h)
  int threads = 1;
};

// Mean signal-to-noise ratio of the outputs on the frames that fine-tuning held back, dB.
struct FinetuneGain {
  double before = 0;
  double after = 0;
};

struct OptimizedModel {
  QuantizedModel model;
  // The fp-optimized graph, equalized where the level asks for it (of products: the script) and
  // with copies of layers where it has them, and of its values (by ValueId) what calibration saw
  // and the range that was chosen.
  std::shared_ptr<const Graph> float_graph;
  std::vector<Range> seen;
  std::vector<Range> chosen;
  QuantizationPlan plan;  // by node of float_graph
  // Lines of a script that come to the precisions of the model's own layers; none where each has
  // what it gets by itself.
  std::vector<std::string> precision_lines;
  std::optional<PrecisionSearchResult> precision;  // where it was searched for
  std::optional<SplitSearchResult> copied;         // where it was searched for
  std::optional<FinetuneGain> finetuned;
  std::optional<HessianRoundingResult> rounded;
  std::vector<std::string> notes;  // what of the script has no effect here, and where
  // The model was quantized already: its parameters are kept, and only these tensors had none.
  bool imported = false;
  std::vector<std::string> calibrated;
};

// One step of the work: its name ("calibrating", "searching ranges", …), what is done of it and how
// much there is (0 where unknown).
using OptimizerProgress =
    std::function<void(std::string_view step, std::int64_t done, std::int64_t total)>;

// The graph that calibration runs on (context `fp-optimized`): what lowering takes, and of a model
// that is quantized already what it computes but for rounding. Also fills in `input.name` where it
// is empty. Errors of the reader; InvalidArgument where the model's input is no image of input's
// size. A network that takes features is the same without normalization.
Result<Graph> read_fp_optimized(std::span<const std::byte> onnx, const OnnxReadOptions& read,
                                InputSpec& input);

// What a model declares of its input. One input (1, 1 or 3, H, W) is an image: name, width, height,
// channels (1: gray, 3: `color`); mean and std as given, one value spread over all channels. All
// else are features, to which neither applies: an error where they are not 0 and 1, or an input is
// not float32.
Result<InputSpec> describe_input(const Graph& graph, ColorOrder color, std::vector<float> mean,
                                 std::vector<float> std);

// What optimize() refuses before it looks at a frame: a level that this build cannot do, too few
// frames for it, too little memory. For those who have other work to do first.
Status check_work(std::span<const std::byte> onnx, const OptimizerOptions& options,
                  const CalibrationSet& set);

// Same inputs, same result, bit for bit, with any number of threads.
Result<OptimizedModel> optimize(std::span<const std::byte> onnx, const OptimizerOptions& options,
                                CalibrationSet& frames, const OptimizerProgress& progress);

}  // namespace quant
