// SPDX-License-Identifier: MIT
// One request pad snr_%u with a queue and a thread of its own, so that whoever reads the records
// never holds up the video, and a sink that waits for its first record does not make the video wait
// for itself.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "plugin/gst_pointer.h"

namespace quant::element {

// Where the video that the records describe comes from.
struct RecordOrigin {
  std::string stream;  // stream id of the video
  GstSegment segment;  // time format
};

// Lives as long as its pad. Thread-safe.
class RecordStream {
 public:
  // Gives `pad`, a new source pad, a queue and its functions.
  static void install(GstPad* pad);
  // The stream of a pad, or null where it is none of ours.
  static RecordStream* of(GstPad* pad);

  // Queues a record; a pad that is flushing or has ended drops it. Where the queue is full, `wait`
  // waits for room, otherwise the oldest record makes room: then false.
  bool push(GstBuffer* record, const RecordOrigin& origin, bool wait);
  // Says that a frame has no record, so that a waiting sink knows.
  void push_gap(GstClockTime pts, GstClockTime duration, const RecordOrigin& origin);
  void push_eos(const RecordOrigin& origin);

  // The event travels on; everything queued is dropped.
  void flush_start(GstEvent* event);
  void flush_stop(GstEvent* event);

 private:
  explicit RecordStream(GstPad* pad) : pad_(pad) {}
  void open();
  void close();
  void forward_next();
  void announce(const RecordOrigin& origin);
  static gboolean activate(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active);
  static gboolean handle_event(GstPad* pad, GstObject* parent, GstEvent* event);

  GstPad* const pad_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<GstPointer<GstMiniObject>> queue_;  // buffers and events
  bool flushing_ = true;                         // also: not active
  bool ended_ = false;
  // What the pad has announced so far.
  std::optional<std::string> stream_;
  bool caps_sent_ = false;
  bool segment_sent_ = false;
  GstSegment segment_ = {};
};

// Calls visit() for every record pad of `element`; pads may come and go meanwhile.
void for_each_record_stream(GstElement* element, const std::function<void(RecordStream&)>& visit);

}  // namespace quant::element
