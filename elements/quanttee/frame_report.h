// SPDX-License-Identifier: MIT
// What was measured on one frame, and its three shapes: a line of JSON, metadata, and (from that) a
// message.
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/metrics/snr.h"

namespace quant::element {

// Which frame of which stream. Times in ns, GST_CLOCK_TIME_NONE where unknown.
struct FrameTag {
  std::uint64_t frame = 0;  // counted from 0 since the element started
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  std::string stream;  // stream id; empty where unknown
};

struct OutputReport {
  std::string name;
  OutputError frame;
  OutputError window;  // pooled over the last window_frames measured frames
  std::size_t window_frames = 0;
};

struct FrameReport {
  FrameTag tag;
  std::string context;    // rung of the ladder: "original", …
  std::string reference;  // who ran it: "onnxruntime", …
  bool independent = false;
  std::vector<OutputReport> outputs;
};

// One JSON object and a newline; docs/elements.md lists its fields.
std::string to_json_line(const FrameReport& report);
GstPointer<GstQuantSnrRecord> to_snr_record(const FrameReport& report);

}  // namespace quant::element
