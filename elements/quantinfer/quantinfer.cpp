// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quantinfer
 * @title: quantinfer
 *
 * Runs a quantized network on the tensor that quantnormalize hung on the frame, and hangs the raw
 * integer outputs beside it: role "quantized", each with its scale and zero point. The emulator
 * computes on the CPU what docs/arithmetic.md says, bit for bit, with any number of threads; the
 * environment variable GST_QUANT_ISA forces one set of kernels. A device (docs/device.md) computes
 * what its compiler made of the same model; its tensors stay in its own layout.
 *
 * On the emulator frames are processed in the streaming thread, one after the other. On a device
 * several are on their way at once; they leave in the order in which they came, from a thread of
 * the source pad. The time that a frame takes is part of the answer to the LATENCY query.
 *
 * ## Examples
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=100 ! quantnormalize ! quantinfer model=model.qar !
 *     quantdequantize ! quanttee ! fakesink
 * gst-launch-1.0 -m v4l2src ! quantnormalize ! quantinfer model=model.qar backend=hailort
 *     device-model=model.hef on-device-error=emulator ! quantdequantize ! quanttee ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "quantinfer/quantinfer.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"
#include "quantinfer/device_stage.h"
#include "quantinfer/frame_input.h"
#include "quantinfer/infer_settings.h"
#include "quantinfer/infer_stats.h"
#include "quantinfer/open_device.h"
#include "quantinfer/processing_latency.h"
#include "quantinfer/reserve_buffers.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_infer_debug);
#define GST_CAT_DEFAULT gst_quant_infer_debug

using quant::Backend;
using quant::FaultError;
using quant::Model;
using quant::Status;
using quant::Tensor;
using quant::element::DeviceStage;
using quant::element::find_input;
using quant::element::GstPointer;
using quant::element::guarded;
using quant::element::InferSettings;
using quant::element::post_error;
using quant::element::post_warning;
using quant::element::ProcessingLatency;

namespace {

struct InferState {
  std::shared_ptr<const Model> model;  // streaming thread
  // Of whoever emulates: the streaming thread, or the device stage's task.
  std::unique_ptr<Backend> emulator;  // empty until it is needed
  std::vector<Tensor> outputs;
  bool opened = false;  // streaming thread: what runs the network is decided
  ProcessingLatency latency;
  std::atomic<guint64> frames = 0;  // on the emulator without a device
  InferSettings settings;           // object lock
  std::mutex mutex;
  std::shared_ptr<DeviceStage> stage;  // mutex; empty on the emulator
  std::string reason;                  // mutex; why it is the emulator
  GstStructure* last_stats = nullptr;  // mutex; of the run that ended

  std::shared_ptr<DeviceStage> device_stage() {
    const std::lock_guard lock(mutex);
    return stage;
  }
};

}  // namespace

struct _GstQuantInfer {
  GstQuantTransform parent;
  InferState* state;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE(GstQuantInfer, gst_quant_infer, GST_TYPE_QUANT_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(gst_quant_infer_debug, "quantinfer", 0,
                                                "Quantized inference"))
GST_ELEMENT_REGISTER_DEFINE(quantinfer, "quantinfer", GST_RANK_NONE, GST_TYPE_QUANT_INFER)

static void gst_quant_infer_set_property(GObject* object, guint id, const GValue* value,
                                         GParamSpec* spec) {
  GST_OBJECT_LOCK(object);
  const bool known =
      quant::element::set_infer_setting(GST_QUANT_INFER(object)->state->settings, id, value);
  GST_OBJECT_UNLOCK(object);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static GstStructure* make_stats(InferState& state) {
  if (const auto stage = state.device_stage()) {
    return quant::element::make_device_stats(stage->driver(), stage->stats());
  }
  const std::lock_guard lock(state.mutex);
  if (state.last_stats) return gst_structure_copy(state.last_stats);
  return quant::element::make_emulator_stats(state.frames, state.reason);
}

static void gst_quant_infer_get_property(GObject* object, guint id, GValue* value,
                                         GParamSpec* spec) {
  auto& state = *GST_QUANT_INFER(object)->state;
  if (id == quant::element::infer_stats_property()) {
    guarded(GST_ELEMENT(object), 0, [&] {
      g_value_take_boxed(value, make_stats(state));
      return 0;
    });
    return;
  }
  GST_OBJECT_LOCK(object);
  const bool known = quant::element::get_infer_setting(state.settings, id, value);
  GST_OBJECT_UNLOCK(object);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static InferSettings settings_of(GstQuantInfer* self) {
  GST_OBJECT_LOCK(self);
  InferSettings settings = self->state->settings;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

static Status open_emulator(GstQuantInfer* self) {
  auto& state = *self->state;
  QUANT_TRY_ASSIGN(state.emulator, state.model->make_emulator(settings_of(self).threads));
  GST_INFO_OBJECT(self, "%s on %s (%s)", state.model->path().c_str(), state.emulator->name(),
                  state.emulator->description().c_str());
  return {};
}

static Status emulate(GstQuantInfer* self, GstBuffer* buffer, const Tensor& input) {
  auto& state = *self->state;
  if (!state.emulator) QUANT_TRY(open_emulator(self));
  QUANT_TRY(state.emulator->run(std::span(&input, 1), state.outputs));
  return quant::element::attach(buffer, state.outputs, state.model->raw_outputs(),
                                state.model->raw_params(), GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                state.emulator->name());
}

static void observe_latency(GstQuantInfer* self, GstClockTime elapsed) {
  GST_LOG_OBJECT(self, "%" GST_TIME_FORMAT " for a frame", GST_TIME_ARGS(elapsed));
  if (self->state->latency.observe(elapsed)) {
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  }
}

static void start_stage(GstQuantInfer* self, std::unique_ptr<quant::DeviceRunner> runner,
                        quant::element::OnDeviceError on_error) {
  auto& state = *self->state;
  GST_INFO_OBJECT(self, "%s on %s of %s", state.model->path().c_str(), runner->device().c_str(),
                  runner->driver());
  quant::element::DeviceStageHooks hooks;
  hooks.emulate = [self](GstBuffer* frame, const Tensor& input) {
    return emulate(self, frame, input);
  };
  hooks.took = [self](GstClockTime elapsed) { observe_latency(self, elapsed); };
  auto stage = std::make_shared<DeviceStage>(GST_ELEMENT(self), GST_BASE_TRANSFORM_SRC_PAD(self),
                                             std::move(runner), on_error, std::move(hooks));
  {
    const std::lock_guard lock(state.mutex);
    state.stage = stage;
  }
  stage->resume();
}

// Decides what runs the network, and gets it ready.
static tl::expected<void, FaultError> open_backend(GstQuantInfer* self) {
  auto& state = *self->state;
  QUANT_TRY_ASSIGN(state.model, gst_quant_transform_require_model(GST_QUANT_TRANSFORM(self)));
  const InferSettings settings = settings_of(self);
  QUANT_TRY_ASSIGN(auto opened, quant::element::open_device(settings, state.model));
  if (opened.runner) {
    start_stage(self, std::move(opened.runner), settings.on_device_error);
  } else {
    QUANT_TRY(open_emulator(self));
    if (!opened.reason.empty()) {
      GST_INFO_OBJECT(self, "on the emulator: %s", opened.reason.c_str());
      const std::lock_guard lock(state.mutex);
      state.reason = opened.reason;
    }
    if (opened.warning) post_warning(GST_ELEMENT(self), *opened.warning, "looking for a device");
  }
  state.opened = true;
  return {};
}

// On the emulator.
static GstFlowReturn gst_quant_infer_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  auto* self = GST_QUANT_INFER(base);
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const GstClockTime begin = gst_util_get_timestamp();
    const auto input = find_input(*self->state->model, buffer);
    const Status status =
        input ? emulate(self, buffer, *input) : Status(tl::unexpected(input.error()));
    if (!status) {
      post_error(GST_ELEMENT(base), status.error(), "running the network");
      return GST_FLOW_ERROR;
    }
    ++self->state->frames;
    observe_latency(self, gst_util_get_timestamp() - begin);
    return GST_FLOW_OK;
  });
}

// A frame on its way to a device leaves later, from the source pad's task.
static GstFlowReturn hand_over(GstQuantInfer* self, DeviceStage& stage, GstBuffer* taken) {
  GstPointer<GstBuffer> frame(gst_buffer_make_writable(taken));
  auto input = find_input(*self->state->model, frame.get());
  if (!input) {
    post_error(GST_ELEMENT(self), input.error(), "running the network");
    return GST_FLOW_ERROR;
  }
  return stage.push(std::move(frame), std::move(*input));
}

// The base class has one frame ready.
static GstFlowReturn gst_quant_infer_generate_output(GstBaseTransform* base, GstBuffer** output) {
  auto* self = GST_QUANT_INFER(base);
  auto& state = *self->state;
  *output = nullptr;
  if (!base->queued_buf) return GST_FLOW_OK;
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    if (!state.opened) {
      if (const auto opened = open_backend(self); !opened) {
        post_error(GST_ELEMENT(base), opened.error(), "preparing the network");
        gst_clear_buffer(&base->queued_buf);
        return GST_FLOW_ERROR;
      }
    }
    if (const auto stage = state.device_stage()) {
      return hand_over(self, *stage, std::exchange(base->queued_buf, nullptr));
    }
    return GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->generate_output(base, output);
  });
}

static gboolean gst_quant_infer_propose_allocation(GstBaseTransform* base, GstQuery* decided,
                                                   GstQuery* query) {
  const gboolean answered = GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)
                                ->propose_allocation(base, decided, query);
  const auto stage = GST_QUANT_INFER(base)->state->device_stage();
  if (!stage) return answered;
  // Also where nobody downstream has anything to say.
  quant::element::reserve_buffers(query, static_cast<guint>(stage->capacity()));
  return TRUE;
}

static void wait_for_task(GstBaseTransform* base) {
  GST_PAD_STREAM_LOCK(GST_BASE_TRANSFORM_SRC_PAD(base));
  GST_PAD_STREAM_UNLOCK(GST_BASE_TRANSFORM_SRC_PAD(base));
}

static gboolean gst_quant_infer_sink_event(GstBaseTransform* base, GstEvent* event) {
  const auto forward = [&](GstEvent* forwarded) {
    return GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->sink_event(base, forwarded);
  };
  const auto stage = GST_QUANT_INFER(base)->state->device_stage();
  if (!stage) return forward(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) {
    stage->flush();
    const gboolean forwarded = forward(event);
    wait_for_task(base);
    return forwarded;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    const gboolean forwarded = forward(event);
    stage->resume();
    return forwarded;
  }
  // What stands between two frames leaves between them.
  if (GST_EVENT_IS_SERIALIZED(event)) stage->drain();
  return forward(event);
}

static gboolean gst_quant_infer_query(GstBaseTransform* base, GstPadDirection direction,
                                      GstQuery* query) {
  const gboolean answered =
      GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->query(base, direction, query);
  if (!answered || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return answered;
  GST_QUANT_INFER(base)->state->latency.add_to(query);
  return TRUE;
}

static gboolean gst_quant_infer_start(GstBaseTransform* base) {
  auto* self = GST_QUANT_INFER(base);
  auto& state = *self->state;
  if (!GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->start(base)) return FALSE;
  return guarded(GST_ELEMENT(base), FALSE, [&]() -> gboolean {
    state.latency.reset();
    state.frames = 0;
    {
      const std::lock_guard lock(state.mutex);
      state.reason.clear();
      g_clear_pointer(&state.last_stats, gst_structure_free);
    }
    if (!gst_quant_transform_names_model(GST_QUANT_TRANSFORM(self))) return TRUE;
    const auto opened = open_backend(self);
    if (opened) return TRUE;
    post_error(GST_ELEMENT(base), opened.error(), "preparing the network");
    return FALSE;
  });
}

// Before the pads are deactivated: who waits for a device holds their locks.
static void stop_stage(GstQuantInfer* self) {
  auto& state = *self->state;
  const auto stage = state.device_stage();
  if (!stage) return;
  stage->stop();
  gst_pad_stop_task(GST_BASE_TRANSFORM_SRC_PAD(self));
}

static GstStateChangeReturn gst_quant_infer_change_state(GstElement* element,
                                                         GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    guarded(element, 0, [&] {
      stop_stage(GST_QUANT_INFER(element));
      return 0;
    });
  }
  return GST_ELEMENT_CLASS(gst_quant_infer_parent_class)->change_state(element, transition);
}

static gboolean gst_quant_infer_stop(GstBaseTransform* base) {
  auto* self = GST_QUANT_INFER(base);
  auto& state = *self->state;
  guarded(GST_ELEMENT(base), 0, [&] {
    // A state change that failed comes here without PAUSED to READY.
    stop_stage(self);
    GstStructure* stats = make_stats(state);
    GST_INFO_OBJECT(base, "%" GST_PTR_FORMAT, stats);
    const std::lock_guard lock(state.mutex);
    g_clear_pointer(&state.last_stats, gst_structure_free);
    state.last_stats = stats;
    state.stage.reset();
    return 0;
  });
  state.opened = false;
  state.emulator.reset();
  state.outputs.clear();
  state.model.reset();
  return GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->stop(base);
}

static void gst_quant_infer_finalize(GObject* object) {
  InferState* state = GST_QUANT_INFER(object)->state;
  g_clear_pointer(&state->last_stats, gst_structure_free);
  delete state;
  G_OBJECT_CLASS(gst_quant_infer_parent_class)->finalize(object);
}

static void gst_quant_infer_class_init(GstQuantInferClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);

  object_class->set_property = gst_quant_infer_set_property;
  object_class->get_property = gst_quant_infer_get_property;
  object_class->finalize = gst_quant_infer_finalize;
  element_class->change_state = gst_quant_infer_change_state;
  base_class->transform_ip = gst_quant_infer_transform_ip;
  base_class->generate_output = gst_quant_infer_generate_output;
  base_class->propose_allocation = gst_quant_infer_propose_allocation;
  base_class->sink_event = gst_quant_infer_sink_event;
  base_class->query = gst_quant_infer_query;
  base_class->start = gst_quant_infer_start;
  base_class->stop = gst_quant_infer_stop;

  quant::element::install_infer_properties(object_class);

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Quantized network inference",
                                        "Filter/Analyzer/Video",
                                        "Runs a quantized network on the input tensor of every "
                                        "frame; the raw integer outputs ride on "
                                        "the untouched video as metadata",
                                        "The gst-quant developers");
}

static void gst_quant_infer_init(GstQuantInfer* self) { self->state = new InferState(); }
