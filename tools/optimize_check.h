// SPDX-License-Identifier: MIT
// The immediate suspects before an optimization that takes long.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "quant/analyze/suspects_check.h"
#include "quant/onnx/onnx_reader.h"

namespace quant::tool {

struct OptimizeCheck {
  std::string model;  // for messages
  std::span<const std::byte> onnx;
  const OnnxReadOptions& read;
  const InputSpec& input;
  std::string calib;
  FrameOptions frames;
  std::int64_t first_frames = 0;  // 0: all
  int threads = 1;
  bool accept_few_images = false;
  bool accept_findings = false;  // errors are warnings
};

// Returns the warnings, a sentence each. InvalidData where there are findings of severity error:
// the message has each with its remedy. Asks interrupted() at every frame.
Result<std::vector<std::string>> check_before_optimize(const OptimizeCheck& check);

}  // namespace quant::tool
