// SPDX-License-Identifier: MIT
#include "quant/optimize/noise_gain.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

struct Sums {
  double signal = 0;
  double before = 0;
  double after = 0;
};

// Of sums by output; those without a signal do not count.
double gain_db(std::span<const Sums> outputs) {
  constexpr double kExact = 1e-15;  // the noise of an exact output: 150 dB below the signal
  double sum = 0;
  int counted = 0;
  for (const Sums& output : outputs) {
    if (!(output.signal > 0)) continue;
    const double least = kExact * output.signal;
    sum += 10 * std::log10(std::max(output.before, least) / std::max(output.after, least));
    ++counted;
  }
  return counted == 0 ? 0 : sum / counted;
}

}  // namespace

NoiseGain noise_gain(std::span<const std::vector<NoiseEnergies>> before,
                     std::span<const std::vector<NoiseEnergies>> after) {
  std::vector<Sums> all(before.empty() ? 0 : before.front().size());
  const auto add = [&](std::size_t frame, double sign, std::vector<Sums>& to) {
    for (std::size_t o = 0; o < to.size(); ++o) {
      to[o].signal += sign * before[frame][o].signal;
      to[o].before += sign * before[frame][o].noise;
      to[o].after += sign * after[frame][o].noise;
    }
  };
  for (std::size_t frame = 0; frame < before.size(); ++frame) add(frame, 1, all);
  NoiseGain result{gain_db(all), 0};
  if (before.size() < 2) return result;
  std::vector<double> without;  // each frame
  double mean = 0;
  for (std::size_t frame = 0; frame < before.size(); ++frame) {
    std::vector<Sums> rest = all;
    add(frame, -1, rest);
    without.push_back(gain_db(rest));
    mean += without.back() / static_cast<double>(before.size());
  }
  double squares = 0;
  for (const double gain : without) squares += (gain - mean) * (gain - mean);
  const auto frames = static_cast<double>(before.size());
  result.error = std::sqrt((frames - 1) / frames * squares);
  return result;
}

}  // namespace quant
