// SPDX-License-Identifier: MIT
// The ladder of execution contexts (original, native, fp-optimized, quantized, …): each rung, the
// step from one context to the next, has its own error, so that a loss has an address. Collects
// over a data set.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/metrics/classification.h"
#include "quant/metrics/snr.h"
#include "quant/tensor/tensor.h"

namespace quant {

// One step between two contexts, of one output, pooled over all frames.
struct Rung {
  std::string from;  // the reference of this rung
  std::string to;
  OutputError error;
  std::int64_t frames = 0;  // that are in `error`
  std::int64_t skipped =
      0;  // that could not be compared: not float32, or another shape on each side
  std::string skip_reason;  // of the last of them

  struct Worst {
    std::string frame;
    OutputError error;
  };
  // The frame with the lowest ratio; one with NaN or infinity is lower than all. Frames whose
  // reference is zero have no ratio and do not count. Nothing where every frame is exact or has
  // none.
  std::optional<Worst> worst;

  // Only for outputs that look like class scores (one row of at least kMinClasses).
  std::optional<ClassifierAgreement> classification;
};

// First elements of the first frame's output, in the order of LadderReport::contexts.
inline constexpr std::size_t kFirstValues = 5;

struct OutputLadder {
  std::string name;  // ONNX name
  DataType type = DataType::kFloat32;
  Shape shape;  // of the first frame
  std::vector<std::vector<double>> first_values;
  // Neighbours in the order of the contexts; behind them the first context against "quantized", or
  // against the last one where there is no such context, unless that step is there already; then
  // the first one against "device" behind "quantized", and against "hybrid", which is nobody's
  // neighbour.
  std::vector<Rung> rungs;
};

struct LadderReport {
  std::vector<std::string> contexts;
  std::int64_t frames = 0;
  std::vector<OutputLadder> outputs;
};

// A row of this many scores or more is taken for a classifier's: fewer are more likely a
// regression.
inline constexpr std::int64_t kMinClasses = 10;

// One thread at a time.
class Ladder {
 public:
  // Names of the contexts from the most trusted down, and of the model's outputs.
  Ladder(std::vector<std::string> contexts, std::vector<std::string> outputs);

  // What every context made of one frame: results[context][output]. `frame` names it in the report.
  // InvalidArgument, and nothing added, where the numbers of contexts or outputs differ from the
  // constructor's.
  Status add_frame(const std::string& frame, std::span<const std::vector<Tensor>> results);

  const LadderReport& report() const { return report_; }

 private:
  void open_outputs(std::span<const std::vector<Tensor>> results);

  LadderReport report_;
};

}  // namespace quant
