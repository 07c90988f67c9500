// SPDX-License-Identifier: MIT
// Fine-tuning by distillation (Finkelstein et al., arXiv:2212.02634): weights, biases and ranges of
// a quantized network are trained so that its outputs come close to those of the float network, on
// the calibration frames and variations of them. Needs libtorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/layer_weights.h"
#include "quant/optimize/observer.h"

namespace quant {

struct FinetuneOptions {
  int epochs = 20;             // passes over the training frames
  int batch = 1;               // frames of one step of the optimizer
  std::int64_t held_back = 8;  // every n-th frame judges and does not train; at least 2
  std::int64_t least_frames = 32;
  // Largest step of the optimizer, in units of a layer's root mean square weight, of the step of
  // its output and of the width of a range.
  double weight_rate = 1e-4;
  double bias_rate = 5e-3;
  double range_rate = 3e-3;
  double varied = 0.9;  // share of the training frames that are varied (frame_variation.h)
  std::uint64_t seed = 1;
  int threads = 1;
  // Where the state is kept after every epoch, and continued from if the file is there; empty:
  // nowhere. Removed when the work is done.
  std::filesystem::path checkpoint;
};

struct FinetuneStatus {
  std::int64_t done = 0;  // frames trained on
  std::int64_t total = 0;
  // Mean signal-to-noise ratio of the outputs on the held-back frames, dB.
  double before = 0;
  double best = 0;
};
// Called after every step; false ends the work with an error and changes nothing but the
// checkpoint.
using FinetuneProgress = std::function<bool(const FinetuneStatus&)>;

struct FinetuneResult {
  QuantizedModel model;       // weights rounded to the nearest
  std::vector<Range> ranges;  // by ValueId of the float graph
  LayerWeights weights;       // as trained, before they were rounded
  double before = 0;          // see FinetuneStatus
  double best = 0;
};

// Before hours are spent: Unavailable, with the reason, where the library that does it
// (finetune_module.h) is not there.
Status load_finetuning();

// `model` was lowered from `float_graph` with `ranges` and `plan`; its integer weights and biases
// are the start, not the graph's, and the steps of its weights stay. Returns what the twin (twin.h)
// finds best on the held-back frames; nothing where no epoch is better than the start. The same
// result on the same machine with the same number of threads. Errors: those of load_finetuning();
// InvalidArgument where there are fewer frames than least_frames, where the checkpoint is of
// another model or other options, where progress says stop; Unsupported naming a node whose
// operator has no gradient.
Result<std::optional<FinetuneResult>> finetune(const QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const FinetuneOptions& options,
                                               const FinetuneProgress& progress);

}  // namespace quant
