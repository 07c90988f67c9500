// SPDX-License-Identifier: MIT
#include "quantinfer/processing_latency.h"

namespace quant::element {

namespace {

constexpr double kSmoothing = 0.1;
// Every change makes the pipeline redistribute its latency, so the figure moves rarely: up as soon
// as the average passes it, down when it is far too high.
constexpr double kHeadroom = 1.25;
constexpr double kTooHigh = 2.0;

}  // namespace

bool ProcessingLatency::observe(GstClockTime elapsed_ns) {
  const auto elapsed = static_cast<double>(elapsed_ns);
  average_ns_ += average_ns_ == 0 ? elapsed : kSmoothing * (elapsed - average_ns_);
  const auto reported = static_cast<double>(reported_ns_.load());
  if (average_ns_ <= reported && reported <= kTooHigh * average_ns_) return false;
  reported_ns_ = static_cast<GstClockTime>(kHeadroom * average_ns_);
  return live_;
}

void ProcessingLatency::add_to(GstQuery* query) {
  gboolean live = FALSE;
  GstClockTime least = 0;
  GstClockTime most = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &least, &most);
  live_ = live != FALSE;
  const GstClockTime own = reported_ns_.load();
  gst_query_set_latency(query, live, least + own,
                        GST_CLOCK_TIME_IS_VALID(most) ? most + own : GST_CLOCK_TIME_NONE);
}

void ProcessingLatency::reset() {
  average_ns_ = 0;
  reported_ns_ = 0;
}

}  // namespace quant::element
