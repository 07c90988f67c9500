// SPDX-License-Identifier: MIT
#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace quant::tool {

using std::chrono::duration;
using std::chrono::steady_clock;

ProgressBar::ProgressBar(std::string_view label)
    : label_(label), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::start(std::string_view label) {
  if (label == label_) return;
  label_ = label;
  first_done_.reset();
}

std::string ProgressBar::time_left(std::int64_t done, std::int64_t total) const {
  if (done <= *first_done_) return "";
  const double seconds = duration<double>(last_ - start_).count() *
                         static_cast<double>(total - done) /
                         static_cast<double>(done - *first_done_);
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  const auto left = static_cast<std::int64_t>(std::llround(seconds));
  if (left < 2 * kMinute) return fmt::format("{} s left", left);
  if (left < 2 * kHour) return fmt::format("{} min left", left / kMinute);
  return fmt::format("{} h {:02} min left", left / kHour, left % kHour / kMinute);
}

void ProgressBar::update(std::int64_t done, std::int64_t total) {
  if (!terminal_) return;
  const auto now = steady_clock::now();
  if (!first_done_) {
    first_done_ = done;
    start_ = now;
  }
  const bool due = !drawn_ || now - last_ > std::chrono::milliseconds(50) || done == total;
  if (!due) return;
  last_ = now;
  drawn_ = true;
  if (total <= 0) {
    fmt::print(stderr, "\r\033[K{} {}", label_, done);
  } else {
    constexpr std::int64_t kWidth = 30;
    const std::int64_t filled = std::clamp<std::int64_t>(done * kWidth / total, 0, kWidth);
    fmt::print(stderr, "\r\033[K{} [{}{}] {}/{}  {}", label_,
               std::string(static_cast<std::size_t>(filled), '#'),
               std::string(static_cast<std::size_t>(kWidth - filled), '.'), done, total,
               time_left(done, total));
  }
  std::fflush(stderr);
}

}  // namespace quant::tool
