// SPDX-License-Identifier: MIT
// Reads records as they come and says once a second what the SNR is.
#include "watch.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "records.h"

namespace quant::demo {
namespace {

std::string figures(const Pool& pool) {
  std::string text;
  for (const OutputRecord& output : pool.outputs()) {
    const auto db = output.snr_db();
    text += db ? fmt::format("   {} {:5.1f} dB", output.name, *db)
               : fmt::format("   {}    -- dB", output.name);
  }
  return text;
}

}  // namespace

Status watch(std::istream& records) {
  Pool second;
  Pool total;
  double current = 0;
  const auto say = [&] {
    if (second.frames() == 0) return;
    fmt::print("{:5.0f} s   {:3} frames{}\n", current + 1, second.frames(), figures(second));
    std::fflush(stdout);
    second.clear();
  };
  std::string line;
  while (std::getline(records, line)) {
    QUANT_TRY_ASSIGN(const Record record, parse_record(line));
    if (std::floor(record.seconds) != current) {
      say();
      current = std::floor(record.seconds);
    }
    second.add(record);
    total.add(record);
  }
  say();
  fmt::print("  total   {:3} frames{}\n", total.frames(), figures(total));
  return {};
}

}  // namespace quant::demo
