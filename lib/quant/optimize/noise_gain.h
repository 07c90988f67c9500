// SPDX-License-Identifier: MIT
// Whether one model is better than another, or the frames were only lucky.
#pragma once

#include <span>
#include <vector>

#include "quant/optimize/output_noise.h"

namespace quant {

struct NoiseGain {
  double db = 0;  // by which noise over signal, pooled over the frames, fell; mean of the outputs
  double error = 0;  // its standard error over frames (jackknife), dB; 0 of a single frame

  // More than luck, and at least `least_db`.
  bool is_real(double least_db) const { return db > least_db && db > 2 * error; }
};

// From the model of noise `before` to that of noise `after`: by frame, then output
// (OutputNoise::energies), both of the same frames.
NoiseGain noise_gain(std::span<const std::vector<NoiseEnergies>> before,
                     std::span<const std::vector<NoiseEnergies>> after);

}  // namespace quant
