// SPDX-License-Identifier: MIT
// How much time an element takes per frame, as the LATENCY query wants it: steady, and never too
// little for long.
#pragma once

#include <gst/gst.h>

#include <atomic>

namespace quant::element {

// observe() from the streaming thread, reported_ns() from any.
class ProcessingLatency {
 public:
  // A frame took that long. True where the reported figure had to change: then the element posts a
  // latency message.
  bool observe(GstClockTime elapsed_ns);
  GstClockTime reported_ns() const { return reported_ns_.load(); }
  void reset();

 private:
  double average_ns_ = 0;
  std::atomic<GstClockTime> reported_ns_ = 0;
};

}  // namespace quant::element
