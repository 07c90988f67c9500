// SPDX-License-Identifier: MIT
// The frames that a user names as a calibration set, and what about them a user should know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {

// Frames of a source as the float graph's pixels. One thread.
class SourceCalibrationSet : public CalibrationSet {
 public:
  // Without a frame: for a model that is quantized already.
  SourceCalibrationSet() = default;
  // At most `most` frames of the source; 0: all.
  SourceCalibrationSet(FrameSource source, InputSpec spec, std::int64_t most);

  std::optional<std::int64_t> count() const override;
  Result<std::optional<std::vector<Tensor>>> next() override;
  Status rewind() override;

  // Of the longest pass: some steps look at the first frames only.
  FrameSourceSummary summary() const;

 private:
  std::optional<FrameSource> source_;
  InputSpec spec_;
  InputSpec pixel_spec_;  // that of pixels as they are
  std::int64_t most_ = 0;
  FrameSourceSummary longest_;
};

// Before trusting the result.
std::vector<std::string> warnings(const FrameSourceSummary& summary);

}  // namespace quant::tool
