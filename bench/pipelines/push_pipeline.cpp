// SPDX-License-Identifier: MIT
#include "pipelines/push_pipeline.h"

#include <fmt/format.h>

#include <cstddef>
#include <ctime>
#include <utility>

namespace quant::bench {
namespace {

constexpr std::size_t kFrames = 4;

double process_cpu_ms() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

gboolean answer_live(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

// Neither all alike nor noise: what is the same everywhere lets resizing and networks skip nothing,
// but caches and branch predictors much.
GstMemory* make_frame(gsize size, std::size_t number) {
  GstMemory* memory = gst_allocator_alloc(nullptr, size, nullptr);
  GstMapInfo map = GST_MAP_INFO_INIT;
  if (!gst_memory_map(memory, &map, GST_MAP_WRITE)) return memory;
  for (gsize i = 0; i < map.size; ++i)
    map.data[i] = static_cast<guint8>((i * 37 + i / 251 + number * 71) % 251);
  gst_memory_unmap(memory, &map);
  return memory;
}

// Nobody reads the bus before something fails.
GstBusSyncReply keep_errors(GstBus*, GstMessage* message, gpointer) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) return GST_BUS_PASS;
  gst_message_unref(message);
  return GST_BUS_DROP;
}

// When frames arrive at the sink pads of the elements, by the process's processor time.
struct Arrivals {
  struct Stop {
    std::string element;
    GstPad* pad = nullptr;
    gulong probe = 0;
    double at_ms = 0;
  };
  std::vector<std::unique_ptr<Stop>> stops;  // in the order of the pipeline

  ~Arrivals() {
    for (const auto& stop : stops) {
      gst_pad_remove_probe(stop->pad, stop->probe);
      gst_object_unref(stop->pad);
    }
  }
  // `pad`: a reference that is given away.
  void watch(GstPad* pad) {
    auto stop = std::make_unique<Stop>();
    GstElement* element = gst_pad_get_parent_element(pad);
    gchar* name = gst_element_get_name(element);
    stop->element = name;
    g_free(name);
    gst_object_unref(element);
    stop->pad = pad;
    stop->probe = gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer data) {
          static_cast<Stop*>(data)->at_ms = process_cpu_ms();
          return GST_PAD_PROBE_OK;
        },
        stop.get(), nullptr);
    stops.push_back(std::move(stop));
  }
};

}  // namespace

std::string to_string(const FrameFormat& format) {
  return fmt::format("{}x{} {}", format.width, format.height,
                     gst_video_format_to_string(format.format));
}

Result<std::unique_ptr<PushPipeline>> PushPipeline::make(const std::string& elements,
                                                         const FrameFormat& format, bool live) {
  std::unique_ptr<PushPipeline> self(new PushPipeline);
  GError* error = nullptr;
  const std::string line = elements + " ! fakesink name=sink sync=false async=false";
  self->pipeline_ = gst_parse_launch(line.c_str(), &error);
  if (error != nullptr) {
    const std::string text = error->message;
    g_error_free(error);
    return fail(ErrorCode::kInvalidArgument, text, line);
  }
  GstBus* bus = gst_element_get_bus(self->pipeline_);
  gst_bus_set_sync_handler(bus, keep_errors, nullptr, nullptr);
  gst_object_unref(bus);
  self->source_ = gst_pad_new("source", GST_PAD_SRC);
  if (live) gst_pad_set_query_function(self->source_, answer_live);
  QUANT_TRY(self->announce(format));
  return self;
}

Status PushPipeline::announce(const FrameFormat& format) {
  GstPad* first = gst_bin_find_unlinked_pad(GST_BIN(pipeline_), GST_PAD_SINK);
  if (first == nullptr) return fail(ErrorCode::kInvalidArgument, "the pipeline has no open end");
  // The pad has no element: links are made as GstHarness makes them.
  const GstPadLinkReturn linked = gst_pad_link_full(source_, first, GST_PAD_LINK_CHECK_NOTHING);
  gst_object_unref(first);
  if (linked != GST_PAD_LINK_OK) return fail(ErrorCode::kInternal, "the source cannot be linked");
  gst_pad_set_active(source_, TRUE);
  if (gst_element_set_state(pipeline_, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return bus_error("starting");

  GstVideoInfo info = {};
  gst_video_info_set_format(&info, format.format, static_cast<guint>(format.width),
                            static_cast<guint>(format.height));
  for (std::size_t i = 0; i < kFrames; ++i) frames_.push_back(make_frame(info.size, i));
  GstCaps* caps = gst_video_info_to_caps(&info);
  GstSegment segment = {};
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(source_, gst_event_new_stream_start("bench"));
  gst_pad_push_event(source_, gst_event_new_caps(caps));
  gst_pad_push_event(source_, gst_event_new_segment(&segment));
  gst_caps_unref(caps);
  return {};
}

PushPipeline::~PushPipeline() {
  if (pipeline_ != nullptr) gst_element_set_state(pipeline_, GST_STATE_NULL);
  if (source_ != nullptr) {
    gst_pad_set_active(source_, FALSE);
    gst_object_unref(source_);
  }
  for (GstMemory* frame : frames_) gst_memory_unref(frame);
  if (pipeline_ != nullptr) gst_object_unref(pipeline_);
}

Status PushPipeline::push() {
  GstBuffer* buffer = gst_buffer_new();
  gst_buffer_append_memory(buffer, gst_memory_ref(frames_[pushed_ % kFrames]));
  GST_BUFFER_PTS(buffer) = pushed_++ * GST_MSECOND;
  if (gst_pad_push(source_, buffer) == GST_FLOW_OK) return {};
  return bus_error("running");
}

Result<std::vector<ElementTime>> PushPipeline::measure_elements(int frames) {
  Arrivals arrivals;
  GstPad* pad = gst_pad_get_peer(source_);
  while (pad != nullptr) {
    arrivals.watch(pad);
    GstElement* element = gst_pad_get_parent_element(pad);
    GstPad* next = gst_element_get_static_pad(element, "src");
    gst_object_unref(element);
    pad = next != nullptr ? gst_pad_get_peer(next) : nullptr;
    if (next != nullptr) gst_object_unref(next);
  }
  std::vector<ElementTime> times{{"source", 0}};
  for (const auto& stop : arrivals.stops) times.push_back({stop->element, 0});
  for (int frame = 0; frame < frames; ++frame) {
    const double start = process_cpu_ms();
    QUANT_TRY(push());
    const double end = process_cpu_ms();
    const auto& stops = arrivals.stops;
    times[0].cpu_ms += stops.front()->at_ms - start;
    for (std::size_t i = 0; i < stops.size(); ++i)
      times[i + 1].cpu_ms += (i + 1 < stops.size() ? stops[i + 1]->at_ms : end) - stops[i]->at_ms;
  }
  return times;
}

std::uint64_t PushPipeline::measured_frames() const {
  guint64 measured = 0;
  GstElement* tee = gst_bin_get_by_name(GST_BIN(pipeline_), "tee");
  if (tee == nullptr) return 0;
  GstStructure* stats = nullptr;
  g_object_get(tee, "stats", &stats, nullptr);
  gst_object_unref(tee);
  if (stats == nullptr) return 0;
  gst_structure_get_uint64(stats, "measured", &measured);
  gst_structure_free(stats);
  return measured;
}

Status PushPipeline::bus_error(const char* doing) {
  GstBus* bus = gst_element_get_bus(pipeline_);
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  gst_object_unref(bus);
  std::string text = "the pipeline gave no reason";
  if (message != nullptr) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    text = error->message;
    g_error_free(error);
    gst_message_unref(message);
  }
  return fail(ErrorCode::kInternal, text, doing);
}

}  // namespace quant::bench
