// SPDX-License-Identifier: MIT
#include "peers/pairings.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

bool operator==(const Pairing& a, const Pairing& b) {
  return a.mine == b.mine && a.theirs == b.theirs;
}

}  // namespace

std::string to_string(const Pairing& pairing) { return pairing.mine + " / " + pairing.theirs; }

std::vector<Pairing> pairings(const std::vector<Standing>& standings) {
  std::vector<Pairing> all = {{"emulator", "ort-int8"},
                              {"emulator", "ort-float"},
                              {"emulator", "native"},
                              {"emulator-16", "ort-16"},
                              {"native", "ort-float"}};
  // "emulator-2t" is held against "emulator".
  for (const Standing& standing : standings) {
    const std::size_t dash = standing.name.find('-');
    if (standing.name.ends_with("t") && dash != std::string::npos &&
        standing.name.find_first_not_of("0123456789", dash + 1) == standing.name.size() - 1)
      all.push_back({standing.name, standing.name.substr(0, dash)});
  }
  std::erase_if(all, [&](const Pairing& pairing) {
    return ratio(standings, pairing.mine, pairing.theirs) <= 0;
  });
  return all;
}

std::vector<MeanRatio> mean_ratios(const std::vector<std::vector<Standing>>& races) {
  std::vector<MeanRatio> means;
  for (const std::vector<Standing>& standings : races) {
    for (const Pairing& pairing : pairings(standings)) {
      auto mean = std::find_if(means.begin(), means.end(),
                               [&](const MeanRatio& known) { return known.pairing == pairing; });
      if (mean == means.end()) mean = means.insert(mean, {pairing, 0, 0});
      mean->value += std::log(ratio(standings, pairing.mine, pairing.theirs));
      ++mean->models;
    }
  }
  for (MeanRatio& mean : means)
    mean.value = std::exp(mean.value / static_cast<double>(mean.models));
  return means;
}

}  // namespace quant
