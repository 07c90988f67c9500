// SPDX-License-Identifier: MIT
// Says when an output's signal-to-noise ratio falls below a threshold, and when it has recovered.
#pragma once

#include <string>
#include <vector>

#include "quanttee/frame_report.h"

namespace quant::element {

struct SnrAlert {
  bool raised = false;  // else cleared
  std::string output;
  double snr_db = 0;  // of the pooled window; infinite where exact
};

// One thread at a time.
class SnrAlerts {
 public:
  // Raised where the window's ratio falls below `below_db`, cleared where it reaches below_db +
  // hysteresis_db.
  SnrAlerts(double below_db, double hysteresis_db)
      : below_db_(below_db), hysteresis_db_(hysteresis_db) {}

  // What changed with this frame. An undefined ratio changes nothing.
  std::vector<SnrAlert> observe(const FrameReport& report);

  double below_db() const { return below_db_; }
  double hysteresis_db() const { return hysteresis_db_; }

 private:
  double below_db_;
  double hysteresis_db_;
  std::vector<bool> raised_;  // one per output
};

}  // namespace quant::element
