// SPDX-License-Identifier: MIT
#include "quanttee/record_stream.h"

#include <algorithm>
#include <vector>

namespace quant::element {

namespace {

// Far more than any sink lags behind; a thousand records are about a megabyte.
constexpr std::size_t kCapacity = 1024;

GQuark stream_quark() {
  static const GQuark quark = g_quark_from_static_string("gst-quant-record-stream");
  return quark;
}

}  // namespace

void RecordStream::install(GstPad* pad) {
  g_object_set_qdata_full(G_OBJECT(pad), stream_quark(), new RecordStream(pad),
                          [](gpointer stream) { delete static_cast<RecordStream*>(stream); });
  gst_pad_set_activatemode_function(pad, activate);
  gst_pad_set_event_function(pad, handle_event);
  gst_pad_use_fixed_caps(pad);
}

RecordStream* RecordStream::of(GstPad* pad) {
  return static_cast<RecordStream*>(g_object_get_qdata(G_OBJECT(pad), stream_quark()));
}

gboolean RecordStream::activate(GstPad* pad, GstObject*, GstPadMode mode, gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  RecordStream* self = of(pad);
  if (active) {
    self->open();
    return gst_pad_start_task(
        pad, [](gpointer stream) { static_cast<RecordStream*>(stream)->forward_next(); }, self,
        nullptr);
  }
  self->close();
  return gst_pad_stop_task(pad);
}

// The video's own sink answers for quality of service and formats; records have no say in either.
gboolean RecordStream::handle_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS || GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE) {
    gst_event_unref(event);
    return TRUE;
  }
  return gst_pad_event_default(pad, parent, event);
}

void RecordStream::open() {
  const std::lock_guard lock(mutex_);
  flushing_ = false;
  ended_ = false;
  stream_.reset();
  caps_sent_ = false;
  segment_sent_ = false;
}

void RecordStream::close() {
  {
    const std::lock_guard lock(mutex_);
    flushing_ = true;
    queue_.clear();
  }
  changed_.notify_all();
}

void RecordStream::flush_start(GstEvent* event) {
  close();
  gst_pad_push_event(pad_, gst_event_ref(event));
  if (gst_pad_is_active(pad_)) gst_pad_pause_task(pad_);
}

void RecordStream::flush_stop(GstEvent* event) {
  gst_pad_push_event(pad_, gst_event_ref(event));
  if (!gst_pad_is_active(pad_)) return;
  {
    const std::lock_guard lock(mutex_);
    flushing_ = false;
    ended_ = false;
    segment_sent_ = false;
  }
  gst_pad_start_task(
      pad_, [](gpointer stream) { static_cast<RecordStream*>(stream)->forward_next(); }, this,
      nullptr);
}

// Queues the events that have to come before a record of that origin. Called with the lock held.
void RecordStream::announce(const RecordOrigin& origin) {
  const auto queue = [this](GstEvent* event) { queue_.emplace_back(GST_MINI_OBJECT_CAST(event)); };
  if (stream_ != origin.stream) {
    // The pad's own name is in the id: two record pads are two streams.
    gchar* name = gst_pad_get_name(pad_);
    const std::string id = origin.stream + "/" + name;
    g_free(name);
    queue(gst_event_new_stream_start(id.c_str()));
    stream_ = origin.stream;
  }
  if (!caps_sent_) {
    GstCaps* caps = gst_caps_new_empty_simple("application/x-ndjson");
    queue(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    caps_sent_ = true;
  }
  if (!segment_sent_ || !gst_segment_is_equal(&segment_, &origin.segment)) {
    queue(gst_event_new_segment(&origin.segment));
    segment_ = origin.segment;
    segment_sent_ = true;
  }
}

bool RecordStream::push(GstBuffer* record, const RecordOrigin& origin, bool wait) {
  bool lost = false;
  {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [this] { return flushing_ || queue_.size() < kCapacity; });
    if (flushing_ || ended_) return true;
    if (queue_.size() >= kCapacity) {
      const auto oldest = std::find_if(queue_.begin(), queue_.end(), [](const auto& object) {
        return GST_IS_BUFFER(object.get());
      });
      if (oldest != queue_.end()) queue_.erase(oldest);
      lost = true;
    }
    announce(origin);
    queue_.emplace_back(GST_MINI_OBJECT_CAST(gst_buffer_ref(record)));
  }
  changed_.notify_all();
  return !lost;
}

void RecordStream::push_gap(GstClockTime pts, GstClockTime duration, const RecordOrigin& origin) {
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
  {
    const std::lock_guard lock(mutex_);
    if (flushing_ || ended_ || queue_.size() >= kCapacity) return;
    announce(origin);
    queue_.emplace_back(GST_MINI_OBJECT_CAST(gst_event_new_gap(pts, duration)));
  }
  changed_.notify_all();
}

void RecordStream::push_eos(const RecordOrigin& origin) {
  {
    const std::lock_guard lock(mutex_);
    if (flushing_ || ended_) return;
    announce(origin);
    queue_.emplace_back(GST_MINI_OBJECT_CAST(gst_event_new_eos()));
    ended_ = true;
  }
  changed_.notify_all();
}

// What happens downstream stays there: an unlinked or failing reader never becomes the video's
// concern.
void RecordStream::forward_next() {
  GstPointer<GstMiniObject> object;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return flushing_ || !queue_.empty(); });
    if (flushing_) {
      lock.unlock();
      gst_pad_pause_task(pad_);
      return;
    }
    object = std::move(queue_.front());
    queue_.pop_front();
  }
  changed_.notify_all();
  if (GST_IS_BUFFER(object.get())) {
    gst_pad_push(pad_, GST_BUFFER_CAST(object.release()));
  } else {
    gst_pad_push_event(pad_, GST_EVENT_CAST(object.release()));
  }
}

void for_each_record_stream(GstElement* element, const std::function<void(RecordStream&)>& visit) {
  std::vector<GstPointer<GstPad>> pads;
  GST_OBJECT_LOCK(element);
  for (GList* item = element->srcpads; item; item = item->next) {
    auto* pad = GST_PAD(item->data);
    if (RecordStream::of(pad)) pads.emplace_back(GST_PAD(gst_object_ref(pad)));
  }
  GST_OBJECT_UNLOCK(element);
  for (const auto& pad : pads) visit(*RecordStream::of(pad.get()));
}

}  // namespace quant::element
