// SPDX-License-Identifier: MIT
// What a few frames say about the signal-to-noise ratio on others like them.
#pragma once

#include <optional>
#include <span>

#include "quant/optimize/output_noise.h"

namespace quant {

struct JudgedSnr {
  double db = 0;        // pooled over the frames
  double least_db = 0;  // 95 % sure: the pooled ratio of so many frames drawn anew is above it
};

// Of one output, by frame. The bound is the one of the bootstrap (bootstrap.h); of a single frame,
// which says nothing of others, its own ratio. Nothing where there is no signal.
std::optional<JudgedSnr> judge_snr(std::span<const NoiseEnergies> frames);

}  // namespace quant
