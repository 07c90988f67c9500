// SPDX-License-Identifier: MIT
#include "quanttee/snr_alert.h"

namespace quant::element {

std::vector<SnrAlert> SnrAlerts::observe(const FrameReport& report) {
  std::vector<SnrAlert> alerts;
  raised_.resize(report.outputs.size(), false);
  for (std::size_t i = 0; i < report.outputs.size(); ++i) {
    const Snr snr = report.outputs[i].window.snr();
    if (snr.state == SnrState::kUndefined) continue;
    const bool change = raised_[i] ? snr.db >= below_db_ + hysteresis_db_ : snr.db < below_db_;
    if (!change) continue;
    raised_[i] = !raised_[i];
    alerts.push_back({raised_[i], report.outputs[i].name, snr.db});
  }
  return alerts;
}

}  // namespace quant::element
