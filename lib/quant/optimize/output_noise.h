// SPDX-License-Identifier: MIT
// What comes out of a quantized model against the float graph, on a few frames that are kept in
// memory: the judge of algorithms that try things. Models that differ little from the one judged
// before are judged faster (variant_runs.h). One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/variant_runs.h"

namespace quant {

// Of one output.
struct NoiseEnergies {
  double signal = 0;
  double noise = 0;
};

class OutputNoise {
 public:
  // Keeps at most `most_frames` frames from all over the set (spread_set.h) and what `float_graph`
  // makes of them. Errors: an empty set; whatever executor or set report.
  static Result<OutputNoise> create(std::shared_ptr<const Graph> float_graph, CalibrationSet& set,
                                    std::int64_t most_frames, int threads);

  std::size_t frames() const { return runs_->frames(); }

  // By frame, then output of the model; of every `stride`-th frame, from the first on. An output
  // that is no float (labels) has no energy.
  Result<std::vector<std::vector<NoiseEnergies>>> energies(const QuantizedModel& model,
                                                           std::size_t stride = 1);
  // Noise energy over signal energy of every output, pooled over those frames. Nothing where there
  // is no signal.
  Result<std::vector<std::optional<double>>> ratios(const QuantizedModel& model,
                                                    std::size_t stride = 1);
  // The same in dB, averaged over the outputs that have one. Lower is better.
  Result<double> measure(const QuantizedModel& model);

 private:
  std::unique_ptr<VariantRuns> runs_;
  std::vector<std::vector<Tensor>> expected_;  // by frame, then output
};

}  // namespace quant
