// SPDX-License-Identifier: MIT
// How much time an element takes per frame, as the LATENCY query wants it: steady, and never too
// little for long.
#pragma once

#include <gst/gst.h>

#include <atomic>

namespace quant::element {

// observe() from the streaming thread, the rest from any.
class ProcessingLatency {
 public:
  // A frame took that long. True where the reported figure had to change and the last query came
  // from a live pipeline: then the element posts a latency message. Without a live source nobody
  // has to wait for it.
  bool observe(GstClockTime elapsed_ns);
  // Adds the reported figure to what upstream answered to a LATENCY query.
  void add_to(GstQuery* query);
  GstClockTime reported_ns() const { return reported_ns_.load(); }
  void reset();

 private:
  double average_ns_ = 0;
  std::atomic<GstClockTime> reported_ns_ = 0;
  std::atomic<bool> live_ = false;  // as the last query said
};

}  // namespace quant::element
