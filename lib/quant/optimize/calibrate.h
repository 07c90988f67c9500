// SPDX-License-Identifier: MIT
// Runs the float graph over the calibration set and finds the range of every activation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/observer.h"
#include "quant/optimize/step_progress.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Shares of the values, in percent: `low` of them lie below the range, 100 − `high` above it.
struct Percentiles {
  double low = 0;
  double high = 100;
  bool operator==(const Percentiles&) const = default;
};

struct CalibrationOptions {
  std::vector<RangeMethod> methods = {RangeMethod::kMinMax};
  double percentile = 99.999;
  // Of single values, whatever the method says.
  std::map<ValueId, Range> forced;
  std::map<ValueId, Percentiles> percentiles;
  std::map<ValueId, int> channel_axes;  // values whose channels along an axis are looked at, too
  int threads = 1;
};

// The calibration frames as the float graph's inputs, one by one: an image as (1, C, H, W) float32
// pixels, features as they are.
class CalibrationSet {
 public:
  virtual ~CalibrationSet() = default;
  // How many there will be at most, for progress; nothing where unknown.
  virtual std::optional<std::int64_t> count() const = 0;
  // Nothing at the end.
  virtual Result<std::optional<std::vector<Tensor>>> next() = 0;
  // Back to the first: some methods look twice.
  virtual Status rewind() = 0;
};

struct CalibrationResult {
  // By ValueId of the graph; {0, 0} for constants and non-float values.
  std::vector<Range> seen;  // extremes
  std::vector<std::vector<Range>>
      proposals;  // what each of CalibrationOptions::methods made of them
  std::map<ValueId, std::vector<Range>> channels;  // extremes, of CalibrationOptions::channel_axes
  std::int64_t frames = 0;
};

// `progress(done, total)` is called after every frame of every pass; total is 0 where unknown.
// Errors: no frames; a tensor with non-finite values (named); whatever the executor or the set
// reports. Deterministic.
Result<CalibrationResult> calibrate(const std::shared_ptr<const Graph>& graph, CalibrationSet& set,
                                    const CalibrationOptions& options,
                                    const StepProgress& progress);

}  // namespace quant
