// SPDX-License-Identifier: MIT
#include "quanttee/snr_monitor.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant::element {

SnrMonitor::SnrMonitor(std::shared_ptr<const Model> model, std::unique_ptr<Context> reference,
                       std::size_t window)
    : model_(std::move(model)),
      reference_(std::move(reference)),
      windows_(model_->outputs().size(), ErrorWindow(window)) {}

Result<std::unique_ptr<SnrMonitor>> SnrMonitor::make(std::shared_ptr<const Model> model,
                                                     ContextKind context, ReferenceKind runtime,
                                                     int threads, std::size_t window) {
  QUANT_TRY_ASSIGN(auto reference, make_context(model, context, runtime, threads));
  std::unique_ptr<SnrMonitor> monitor(
      new SnrMonitor(std::move(model), std::move(reference), window));
  QUANT_TRY(monitor->match_outputs());
  return monitor;
}

Status SnrMonitor::match_outputs() {
  const std::vector<TensorInfo>& theirs = reference_->outputs();
  for (const TensorInfo& output : model_->outputs()) {
    const auto found = std::find_if(theirs.begin(), theirs.end(), [&](const TensorInfo& info) {
      return info.name == output.name;
    });
    if (found == theirs.end()) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("the reference ({}) has no output of that name", reference_->runtime()),
          output.name);
    }
    order_.push_back(static_cast<std::size_t>(found - theirs.begin()));
  }
  return {};
}

Result<FrameReport> SnrMonitor::measure(const Measurement& measurement, const Frame& frame) {
  {
    const BufferCache::Scope scope(*memory_);
    expected_.clear();
    raw_outputs_.clear();
    QUANT_TRY(reference_->run(frame, raw_outputs_));
    memory_->trim();
  }

  FrameReport report;
  report.tag = measurement.tag;
  report.context = to_string(reference_->kind());
  report.reference = reference_->runtime();
  report.independent = reference_->independent();
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Tensor& expected = raw_outputs_[order_[i]];
    const std::string& name = model_->outputs()[i].name;
    auto error = measure_error(expected, measurement.tested[i]);
    // Labels and indices have no ratio: their figures stay undefined.
    if (!error && error.error().code == ErrorCode::kUnsupported) error = OutputError{};
    if (!error) return fail_with_context(std::move(error).error(), name);
    windows_[i].push(*error);
    report.outputs.push_back({name, *error, windows_[i].pooled(), windows_[i].frames()});
    expected_.push_back(expected);
  }
  return report;
}

void SnrMonitor::clear_windows() {
  for (ErrorWindow& window : windows_) window.clear();
}

}  // namespace quant::element
