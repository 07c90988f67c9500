// SPDX-License-Identifier: MIT
// A ratio as tables print it.
#pragma once

#include <string>

#include "quant/metrics/snr.h"

namespace quant {

// "31.42" (dB), "exact", "undefined".
std::string snr_text(const Snr& snr);

}  // namespace quant
