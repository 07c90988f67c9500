// SPDX-License-Identifier: MIT
// Wrong ways to make real values of integers, as what they make of q: gain · q + offset.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "quant/analyze/diagnosis_fault.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// One value, or one per channel.
struct Misscaling {
  std::vector<double> gain;
  std::vector<double> offset;
  std::vector<Cause> causes;  // one or two
};

struct NamedParams {
  std::string name;
  QuantParams params;
};

// Every wrong way of an output with these parameters among the others of its network: one channel's
// parameters for all, another order of the channels, those of another output, none, twice. Ways
// that make no difference are left out. `channels`: of the output.
std::vector<Misscaling> misscalings(const QuantParams& right, std::int64_t channels,
                                    const std::vector<NamedParams>& others);

// The right way.
Misscaling scaling_of(const QuantParams& params);

}  // namespace quant
