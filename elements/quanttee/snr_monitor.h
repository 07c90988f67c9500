// SPDX-License-Identifier: MIT
// Runs one reference on the input that the network saw, and compares output by output.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quant/backend/context.h"
#include "quant/backend/model.h"
#include "quant/base/buffer_cache.h"
#include "quant/base/result.h"
#include "quant/metrics/window.h"
#include "quant/vision/network_frame.h"
#include "quanttee/frame_report.h"

namespace quant::element {

// One frame to be measured.
struct Measurement {
  FrameTag tag;
  Tensor input;                // uint8 (1,H,W,C): what the network saw
  std::vector<Tensor> tested;  // one per Model::outputs()
};

// One thread at a time.
class SnrMonitor {
 public:
  // `runtime` runs the context original. `window`: measured frames that are pooled, at least 1.
  static Result<std::unique_ptr<SnrMonitor>> make(std::shared_ptr<const Model> model,
                                                  ContextKind context, ReferenceKind runtime,
                                                  int threads, std::size_t window);

  // `frame` is measurement.input for contexts: pixels and network input. Where the reference fails
  // on it, its error. An output that has no ratio (indices) is reported as undefined.
  Result<FrameReport> measure(const Measurement& measurement, const Frame& frame);
  // Forgets the frames in the windows (a seek).
  void clear_windows();

  const Context& reference() const { return *reference_; }
  // What the reference said to the last frame, one per Model::outputs().
  const std::vector<Tensor>& reference_outputs() const { return expected_; }

 private:
  SnrMonitor(std::shared_ptr<const Model> model, std::unique_ptr<Context> reference,
             std::size_t window);
  Status match_outputs();

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Context> reference_;
  std::shared_ptr<BufferCache> memory_ = BufferCache::create();  // of the reference's outputs
  std::vector<std::size_t> order_;  // for each output of the model its index in the reference's
  std::vector<ErrorWindow> windows_;
  std::vector<Tensor> raw_outputs_;  // in the reference's order
  std::vector<Tensor> expected_;     // in the model's order
};

}  // namespace quant::element
