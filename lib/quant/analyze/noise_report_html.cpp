// SPDX-License-Identifier: MIT
#include "quant/analyze/noise_report_html.h"

#include <string_view>

#include "quant/analyze/noise_report_embedded.h"

namespace quant {
namespace {

// The first `mark` in `page` becomes `text`.
void fill(std::string& page, std::string_view mark, std::string_view text) {
  if (const std::size_t at = page.find(mark); at != std::string::npos)
    page.replace(at, mark.size(), text);
}

}  // namespace

std::string to_html(const NoiseFindings& findings) {
  // "</script>" in a name would end the data; in JSON "<" stands in strings only.
  std::string data;
  const std::string dumped =
      to_json(findings).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  for (const char c : dumped) {
    if (c == '<') {
      data += "\\u003c";
    } else {
      data += c;
    }
  }
  std::string page(kNoiseReportPage);
  // From the end to the start: what is filled in is never searched.
  fill(page, "@REPORT@", data);
  fill(page, "@CHART_LIBRARY@", kChartLibrary);
  return page;
}

}  // namespace quant
