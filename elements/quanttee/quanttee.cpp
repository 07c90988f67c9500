// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quanttee
 * @title: quanttee
 *
 * Runs the original float model beside the quantized one, on exactly the pixels that the network
 * saw, and says how far each output lies from it: signal-to-noise ratio in dB and its companions,
 * per frame and pooled over a window. The figures are on the buffer (#GstQuantSnrMeta), in element
 * messages named "quant-snr", and on the request pads as one JSON object per line.
 *
 * A pipeline that reads from a file measures every frame and loses no record. Behind a live source
 * the reference runs in a thread of its own within #GstQuantTee:max-load; frames that it cannot
 * keep up with are skipped and counted, and the video is never delayed. Then a buffer carries the
 * latest figures that were ready; they say themselves of which frame they are.
 *
 * A signal-to-noise ratio is a drift alarm, not an accuracy figure.
 *
 * ## Example
 * |[
 * gst-launch-1.0 -m filesrc location=clip.mp4 ! decodebin ! videoconvert ! quantnormalize !
 *     quantinfer model=model.qar ! quantdequantize ! quanttee name=t ! fakesink
 *     t.snr_0 ! filesink location=snr.ndjson
 * ]| Writes one record per frame and prints the messages.
 *
 * Since: 0.1
 */
#include "quanttee/quanttee.h"

#include <cstdio>
#include <mutex>
#include <string>

#include "plugin/errors.h"
#include "quanttee/record_stream.h"
#include "quanttee/tee_properties.h"
#include "quanttee/tee_session.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_tee_debug);
#define GST_CAT_DEFAULT gst_quant_tee_debug

using quant::Status;
using quant::element::for_each_record_stream;
using quant::element::FrameTag;
using quant::element::GstPointer;
using quant::element::guarded;
using quant::element::post_error;
using quant::element::RecordOrigin;
using quant::element::RecordStream;
using quant::element::TeeSession;
using quant::element::TeeSettings;

namespace {

struct TeeState {
  TeeSettings settings;                 // object lock
  guint next_pad = 0;                   // object lock
  std::uint64_t frame = 0;              // streaming thread
  std::mutex mutex;                     // for the two below
  std::shared_ptr<TeeSession> session;  // from the first frame to PAUSED→READY
  GstStructure* last_stats = nullptr;
};

}  // namespace

struct _GstQuantTee {
  GstQuantTransform parent;
  TeeState* state;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate record_template = GST_STATIC_PAD_TEMPLATE(
    "snr_%u", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS("application/x-ndjson"));

G_DEFINE_TYPE_WITH_CODE(GstQuantTee, gst_quant_tee, GST_TYPE_QUANT_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(gst_quant_tee_debug, "quanttee", 0,
                                                "Signal-to-noise ratio of quantized networks"))
GST_ELEMENT_REGISTER_DEFINE(quanttee, "quanttee", GST_RANK_NONE, GST_TYPE_QUANT_TEE)

static std::shared_ptr<TeeSession> session_of(GstQuantTee* self) {
  const std::lock_guard lock(self->state->mutex);
  return self->state->session;
}

static void get_stats(GstQuantTee* self, GValue* value) {
  if (const auto session = session_of(self)) {
    g_value_take_boxed(value, session->make_stats());
    return;
  }
  const std::lock_guard lock(self->state->mutex);
  g_value_set_boxed(value, self->state->last_stats);
}

static void gst_quant_tee_set_property(GObject* object, guint id, const GValue* value,
                                       GParamSpec* spec) {
  GST_OBJECT_LOCK(object);
  if (!set_tee_setting(GST_QUANT_TEE(object)->state->settings, id, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_quant_tee_get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  if (id == quant::element::tee_stats_property()) {
    get_stats(GST_QUANT_TEE(object), value);
    return;
  }
  GST_OBJECT_LOCK(object);
  if (!get_tee_setting(GST_QUANT_TEE(object)->state->settings, id, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

// Whether the source produces on its own clock; a source that nobody knows of does not.
static bool is_live(GstQuantTee* self) {
  const GstPointer<GstQuery> query(gst_query_new_latency());
  gboolean live = FALSE;
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query.get())) {
    gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
  }
  return live;
}

static Status open_session(GstQuantTee* self) {
  QUANT_TRY_ASSIGN(auto model, gst_quant_transform_require_model(GST_QUANT_TRANSFORM(self)));
  GST_OBJECT_LOCK(self);
  const TeeSettings settings = self->state->settings;
  GST_OBJECT_UNLOCK(self);
  const bool live = is_live(self);
  GST_INFO_OBJECT(self, "%s, %s pipeline", model->path().c_str(), live ? "live" : "waiting");
  auto session = std::make_shared<TeeSession>(GST_ELEMENT(self), std::move(model), settings, live);
  const std::lock_guard lock(self->state->mutex);
  self->state->session = std::move(session);
  return {};
}

static RecordOrigin origin_of(GstQuantTee* self) {
  RecordOrigin origin;
  if (gchar* stream = gst_pad_get_stream_id(GST_BASE_TRANSFORM_SINK_PAD(self))) {
    origin.stream = stream;
    g_free(stream);
  }
  const GstSegment& segment = GST_BASE_TRANSFORM(self)->segment;
  gst_segment_init(&origin.segment, GST_FORMAT_TIME);
  if (segment.format == GST_FORMAT_TIME) origin.segment = segment;
  // It moves with every frame and is no reason to announce a new segment.
  origin.segment.position = origin.segment.start;
  return origin;
}

static FrameTag tag_of(GstQuantTee* self, GstBuffer* buffer, const RecordOrigin& origin) {
  FrameTag tag;
  tag.frame = self->state->frame++;
  tag.pts = GST_BUFFER_PTS(buffer);
  tag.duration = GST_BUFFER_DURATION(buffer);
  tag.running_time = gst_segment_to_running_time(&origin.segment, GST_FORMAT_TIME, tag.pts);
  tag.stream_time = gst_segment_to_stream_time(&origin.segment, GST_FORMAT_TIME, tag.pts);
  tag.stream = origin.stream;
  return tag;
}

static Status measure(GstQuantTee* self, GstBuffer* buffer) {
  if (!session_of(self)) QUANT_TRY(open_session(self));
  const RecordOrigin origin = origin_of(self);
  const FrameTag tag = tag_of(self, buffer, origin);
  GST_LOG_OBJECT(self, "frame %" G_GUINT64_FORMAT ": %" GST_PTR_FORMAT, tag.frame, buffer);
  return session_of(self)->process(buffer, tag, origin);
}

static GstFlowReturn gst_quant_tee_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const Status status = measure(GST_QUANT_TEE(base), buffer);
    if (status) return GST_FLOW_OK;
    post_error(GST_ELEMENT(base), status.error(), "measuring");
    return GST_FLOW_ERROR;
  });
}

static void handle_sink_event(GstQuantTee* self, GstEvent* event) {
  const auto session = session_of(self);
  const auto each = [self](const auto& visit) { for_each_record_stream(GST_ELEMENT(self), visit); };
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
      if (session) session->flush();
      each([event](RecordStream& stream) { stream.flush_start(event); });
      break;
    case GST_EVENT_FLUSH_STOP:
      each([event](RecordStream& stream) { stream.flush_stop(event); });
      break;
    case GST_EVENT_EOS: {
      if (session) session->drain();
      const RecordOrigin origin = origin_of(self);
      each([&origin](RecordStream& stream) { stream.push_eos(origin); });
      break;
    }
    default:
      break;
  }
}

static gboolean gst_quant_tee_sink_event(GstBaseTransform* base, GstEvent* event) {
  guarded(GST_ELEMENT(base), 0, [&] {
    handle_sink_event(GST_QUANT_TEE(base), event);
    return 0;
  });
  return GST_BASE_TRANSFORM_CLASS(gst_quant_tee_parent_class)->sink_event(base, event);
}

// The name that was asked for, or the next free one.
static std::string record_pad_name(GstQuantTee* self, const gchar* wanted) {
  guint index = 0;
  GST_OBJECT_LOCK(self);
  if (wanted && sscanf(wanted, "snr_%u", &index) == 1) {
    self->state->next_pad = MAX(self->state->next_pad, index + 1);
  } else {
    index = self->state->next_pad++;
  }
  GST_OBJECT_UNLOCK(self);
  return "snr_" + std::to_string(index);
}

static GstPad* gst_quant_tee_request_new_pad(GstElement* element, GstPadTemplate* templ,
                                             const gchar* wanted, const GstCaps*) {
  auto* self = GST_QUANT_TEE(element);
  return guarded(element, static_cast<GstPad*>(nullptr), [&]() -> GstPad* {
    const std::string name = record_pad_name(self, wanted);
    if (const GstPointer<GstPad> taken{gst_element_get_static_pad(element, name.c_str())}) {
      GST_WARNING_OBJECT(self, "there is a pad %s already", name.c_str());
      return nullptr;
    }
    GstPad* pad = gst_pad_new_from_template(templ, name.c_str());
    RecordStream::install(pad);
    // A running element does not activate pads that are added to it.
    if (GST_STATE(element) > GST_STATE_READY || GST_STATE_NEXT(element) == GST_STATE_PAUSED) {
      gst_pad_set_active(pad, TRUE);
    }
    gst_element_add_pad(element, pad);
    return pad;
  });
}

static void gst_quant_tee_release_pad(GstElement* element, GstPad* pad) {
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element, pad);
}

static gboolean gst_quant_tee_start(GstBaseTransform* base) {
  GST_QUANT_TEE(base)->state->frame = 0;
  return GST_BASE_TRANSFORM_CLASS(gst_quant_tee_parent_class)->start(base);
}

static gboolean gst_quant_tee_stop(GstBaseTransform* base) {
  auto& state = *GST_QUANT_TEE(base)->state;
  std::shared_ptr<TeeSession> session;
  {
    const std::lock_guard lock(state.mutex);
    session = std::move(state.session);
    if (session) {
      if (state.last_stats) gst_structure_free(state.last_stats);
      state.last_stats = session->make_stats();
    }
  }
  // Outside the lock: its thread may be posting a message whose receiver asks for stats.
  session.reset();
  return GST_BASE_TRANSFORM_CLASS(gst_quant_tee_parent_class)->stop(base);
}

static void gst_quant_tee_finalize(GObject* object) {
  TeeState* state = GST_QUANT_TEE(object)->state;
  if (state->last_stats) gst_structure_free(state->last_stats);
  delete state;
  G_OBJECT_CLASS(gst_quant_tee_parent_class)->finalize(object);
}

static void gst_quant_tee_class_init(GstQuantTeeClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);

  object_class->set_property = gst_quant_tee_set_property;
  object_class->get_property = gst_quant_tee_get_property;
  object_class->finalize = gst_quant_tee_finalize;
  element_class->request_new_pad = gst_quant_tee_request_new_pad;
  element_class->release_pad = gst_quant_tee_release_pad;
  base_class->transform_ip = gst_quant_tee_transform_ip;
  base_class->sink_event = gst_quant_tee_sink_event;
  base_class->start = gst_quant_tee_start;
  base_class->stop = gst_quant_tee_stop;
  quant::element::install_tee_properties(object_class);

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_add_static_pad_template(element_class, &record_template);
  gst_element_class_set_static_metadata(
      element_class, "Quantization noise meter", "Filter/Analyzer/Video",
      "Compares every output of a quantized network with its float model, live: signal-to-noise "
      "ratio on the buffer, as element message and as JSON records",
      "The gst-quant developers");
}

static void gst_quant_tee_init(GstQuantTee* self) { self->state = new TeeState(); }
