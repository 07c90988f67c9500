// SPDX-License-Identifier: MIT
// Times backends side by side: they take turns, so that a change of clock or a neighbour hits all
// of them.
#pragma once

#include <string>
#include <vector>

#include "peers/contestant.h"
#include "quant/base/result.h"
#include "quant/metrics/timing.h"

namespace quant {

struct Standing {
  std::string name;
  std::string description;  // library and version
  TimingSummary timing;     // count 0: absent
  std::string absent_because;
};

struct RaceOptions {
  int rounds = 20;  // measured runs of each contestant
  int warm_up = 3;  // runs before, not measured
};

// In the order of `contestants`. One that fails while it runs becomes absent.
std::vector<Standing> race(std::vector<Contestant>& contestants, const RaceOptions& options);

// Ratio of medians, `mine` over `theirs`; 0 where either is absent.
double ratio(const std::vector<Standing>& standings, const std::string& mine,
             const std::string& theirs);

}  // namespace quant
