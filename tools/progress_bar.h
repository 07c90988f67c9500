// SPDX-License-Identifier: MIT
// A progress bar on standard error, drawn only where that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quant::tool {

class ProgressBar {
 public:
  explicit ProgressBar(std::string_view label = "");
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Begins again under another label, unless it has that one.
  void start(std::string_view label);
  // `total` 0: unknown, counts only. The time left is that of what was done since the first call:
  // resumed work does not begin at 0.
  void update(std::int64_t done, std::int64_t total);

 private:
  std::string time_left(std::int64_t done, std::int64_t total) const;

  std::string label_;
  bool terminal_;
  bool drawn_ = false;
  std::optional<std::int64_t> first_done_;  // when the time began to count
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace quant::tool
