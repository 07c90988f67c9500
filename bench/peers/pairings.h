// SPDX-License-Identifier: MIT
// Which contestants are held against which, and the mean over models.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "peers/race.h"

namespace quant {

struct Pairing {
  std::string mine;
  std::string theirs;
};
// "emulator / ort-int8".
std::string to_string(const Pairing& pairing);

// Those of which both took part.
std::vector<Pairing> pairings(const std::vector<Standing>& standings);

struct MeanRatio {
  Pairing pairing;
  double value = 0;        // geometric mean of the ratios of medians
  std::size_t models = 0;  // over so many races
};
// Of every pairing in any race; a race without it does not count.
std::vector<MeanRatio> mean_ratios(const std::vector<std::vector<Standing>>& races);

}  // namespace quant
