// SPDX-License-Identifier: MIT
// Reads records as they come and says once a second what the SNR is.
#pragma once

#include <istream>

#include "quant/base/result.h"

namespace quant::demo {

// Until the stream ends; one line on standard output for every second of video. The figures are
// pooled over that second: energies are summed, decibels are never averaged.
Status watch(std::istream& records);

}  // namespace quant::demo
