// SPDX-License-Identifier: MIT
// A noise report as one page that needs nothing else: charts, worst layers, table. Chart.js, which
// draws, is inside it.
#pragma once

#include <string>

#include "quant/analyze/noise_report.h"

namespace quant {

// UTF-8. Opens from a file, without network; names from the model cannot break out of it.
std::string to_html(const NoiseFindings& findings);

}  // namespace quant
