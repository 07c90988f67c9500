// SPDX-License-Identifier: MIT
// The error of the last N frames, pooled: energies are summed, decibels are never averaged.
#pragma once

#include <cstddef>
#include <vector>

#include "quant/metrics/snr.h"

namespace quant {

// One thread at a time.
class ErrorWindow {
 public:
  // Precondition: capacity > 0 (frames).
  explicit ErrorWindow(std::size_t capacity);

  // Adds a frame; the oldest one leaves when the window is full. Allocates nothing.
  void push(const OutputError& frame);
  void clear();

  std::size_t capacity() const { return capacity_; }
  // Frames held, at most capacity().
  std::size_t frames() const { return ring_.size(); }
  // All frames held, oldest first, merged anew each time: nothing is ever subtracted, so no
  // rounding piles up and a maximum leaves with its frame.
  OutputError pooled() const;

 private:
  std::size_t capacity_;
  std::vector<OutputError> ring_;
  std::size_t oldest_ = 0;
};

}  // namespace quant
