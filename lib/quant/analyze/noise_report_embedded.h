// SPDX-License-Identifier: MIT
// Files that are inside the program; CMake makes their source.
#pragma once

#include <string_view>

namespace quant {

extern const std::string_view kNoiseReportPage;  // noise_report_page.html
extern const std::string_view kChartLibrary;     // Chart.js, minified

}  // namespace quant
