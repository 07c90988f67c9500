// SPDX-License-Identifier: MIT
// A ring of per-frame sums.
#include "quant/metrics/window.h"

namespace quant {

ErrorWindow::ErrorWindow(std::size_t capacity) : capacity_(capacity) { ring_.reserve(capacity); }

void ErrorWindow::push(const OutputError& frame) {
  if (ring_.size() < capacity_) {
    ring_.push_back(frame);
    return;
  }
  ring_[oldest_] = frame;
  oldest_ = (oldest_ + 1) % capacity_;
}

void ErrorWindow::clear() {
  ring_.clear();
  oldest_ = 0;
}

OutputError ErrorWindow::pooled() const {
  OutputError total;
  for (std::size_t i = 0; i < ring_.size(); ++i) total.merge(ring_[(oldest_ + i) % ring_.size()]);
  return total;
}

}  // namespace quant
