// SPDX-License-Identifier: MIT
#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace quant::tool {

using std::chrono::duration;
using std::chrono::steady_clock;

ProgressBar::ProgressBar(std::string_view label)
    : label_(label), terminal_(isatty(STDERR_FILENO) != 0), start_(steady_clock::now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::start(std::string_view label) {
  if (label == label_) return;
  label_ = label;
  start_ = steady_clock::now();
}

void ProgressBar::update(std::int64_t done, std::int64_t total) {
  if (!terminal_) return;
  const auto now = steady_clock::now();
  const bool due = !drawn_ || now - last_ > std::chrono::milliseconds(50) || done == total;
  if (!due) return;
  last_ = now;
  drawn_ = true;
  if (total <= 0) {
    fmt::print(stderr, "\r\033[K{} {}", label_, done);
  } else {
    constexpr std::int64_t kWidth = 30;
    const std::int64_t filled = std::clamp<std::int64_t>(done * kWidth / total, 0, kWidth);
    const double elapsed = duration<double>(now - start_).count();
    const double left =
        done > 0 ? elapsed * static_cast<double>(total - done) / static_cast<double>(done) : 0;
    fmt::print(stderr, "\r\033[K{} [{}{}] {}/{}  {:.0f} s left", label_,
               std::string(static_cast<std::size_t>(filled), '#'),
               std::string(static_cast<std::size_t>(kWidth - filled), '.'), done, total, left);
  }
  std::fflush(stderr);
}

}  // namespace quant::tool
