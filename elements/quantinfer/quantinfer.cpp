// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quantinfer
 * @title: quantinfer
 *
 * Runs a quantized network on the tensor that quantnormalize hung on the frame, and hangs the raw
 * integer outputs beside it: role "quantized", each with its scale and zero point. The emulator
 * computes on the CPU what docs/arithmetic.md says, bit for bit, with any number of threads; the
 * environment variable GST_QUANT_ISA forces one set of kernels.
 *
 * Frames are processed in the streaming thread, one after the other. The time that takes is part of
 * the answer to the LATENCY query.
 *
 * ## Example
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=100 ! quantnormalize ! quantinfer model=model.qar !
 *     quantdequantize ! quanttee ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "quantinfer/quantinfer.h"

#include <fmt/format.h>

#include <atomic>

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"
#include "quantinfer/processing_latency.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_infer_debug);
#define GST_CAT_DEFAULT gst_quant_infer_debug

using quant::Backend;
using quant::ErrorCode;
using quant::fail;
using quant::Model;
using quant::Result;
using quant::Status;
using quant::Tensor;
using quant::element::guarded;
using quant::element::post_error;
using quant::element::ProcessingLatency;

namespace {

enum class BackendChoice { kAuto, kEmulator };

constexpr gint kDefaultThreads = 1;

struct InferState {
  std::shared_ptr<const Model> model;  // streaming thread
  std::unique_ptr<Backend> backend;    // streaming thread; empty until it is needed
  std::vector<Tensor> outputs;         // streaming thread
  ProcessingLatency latency;
  std::atomic<bool> live = false;               // as the last LATENCY query said
  BackendChoice choice = BackendChoice::kAuto;  // object lock
  gint threads = kDefaultThreads;               // object lock
};

}  // namespace

struct _GstQuantInfer {
  GstQuantTransform parent;
  InferState* state;
};

enum { PROP_0, PROP_BACKEND, PROP_THREADS };

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE(GstQuantInfer, gst_quant_infer, GST_TYPE_QUANT_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(gst_quant_infer_debug, "quantinfer", 0,
                                                "Quantized inference"))
GST_ELEMENT_REGISTER_DEFINE(quantinfer, "quantinfer", GST_RANK_NONE, GST_TYPE_QUANT_INFER)

#define GST_TYPE_QUANT_INFER_BACKEND (gst_quant_infer_backend_get_type())
static GType gst_quant_infer_backend_get_type() {
  static GType type = 0;
  static const GEnumValue values[] = {
      {static_cast<gint>(BackendChoice::kAuto), "The fastest that is there", "auto"},
      {static_cast<gint>(BackendChoice::kEmulator), "Bit-exact emulation on the CPU", "emulator"},
      {0, nullptr, nullptr}};
  if (g_once_init_enter(&type)) {
    g_once_init_leave(&type, g_enum_register_static("GstQuantInferBackend", values));
  }
  return type;
}

static void gst_quant_infer_set_property(GObject* object, guint id, const GValue* value,
                                         GParamSpec* spec) {
  auto& state = *GST_QUANT_INFER(object)->state;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_BACKEND:
      state.choice = static_cast<BackendChoice>(g_value_get_enum(value));
      break;
    case PROP_THREADS:
      state.threads = g_value_get_int(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_quant_infer_get_property(GObject* object, guint id, GValue* value,
                                         GParamSpec* spec) {
  auto& state = *GST_QUANT_INFER(object)->state;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_BACKEND:
      g_value_set_enum(value, static_cast<gint>(state.choice));
      break;
    case PROP_THREADS:
      g_value_set_int(value, state.threads);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static Status open_backend(GstQuantInfer* self) {
  auto& state = *self->state;
  QUANT_TRY_ASSIGN(state.model, gst_quant_transform_require_model(GST_QUANT_TRANSFORM(self)));
  GST_OBJECT_LOCK(self);
  const gint threads = state.threads;
  GST_OBJECT_UNLOCK(self);
  // Both choices: there is no device backend to prefer.
  QUANT_TRY_ASSIGN(state.backend, state.model->make_emulator(threads));
  GST_INFO_OBJECT(self, "%s on %s (%s)", state.model->path().c_str(), state.backend->name(),
                  state.backend->description().c_str());
  return {};
}

static Result<Tensor> find_input(const Model& model, GstBuffer* buffer) {
  const quant::InputSpec& spec = model.input();
  GstQuantTensor* found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT,
                                                      g_quark_from_string(spec.name.c_str()));
  // Another model's normalizer may have called its tensor differently.
  if (!found) found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0);
  if (!found) {
    return fail(ErrorCode::kNotFound,
                "the frames carry no input tensor: put quantnormalize before quantinfer");
  }
  QUANT_TRY_ASSIGN(Tensor tensor, quant::element::from_gst(found));
  const quant::Shape wanted{1, spec.height, spec.width, spec.channels()};
  if (tensor.type() != quant::DataType::kUint8 || tensor.shape() != wanted) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the input tensor is {} {}, {} takes uint8 {}: quantnormalize and "
                            "quantinfer have different models",
                            to_string(tensor.type()), quant::to_string(tensor.shape()),
                            model.path(), quant::to_string(wanted)));
  }
  return tensor;
}

static Status infer(GstQuantInfer* self, GstBuffer* buffer) {
  auto& state = *self->state;
  if (!state.backend) QUANT_TRY(open_backend(self));
  QUANT_TRY_ASSIGN(const Tensor input, find_input(*state.model, buffer));
  QUANT_TRY(state.backend->run(std::span(&input, 1), state.outputs));
  return quant::element::attach(buffer, state.outputs, state.model->raw_outputs(),
                                state.model->raw_params(), GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                state.backend->name());
}

static GstFlowReturn gst_quant_infer_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  auto* self = GST_QUANT_INFER(base);
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const GstClockTime begin = gst_util_get_timestamp();
    if (const Status status = infer(self, buffer); !status) {
      post_error(GST_ELEMENT(base), status.error(), "running the network");
      return GST_FLOW_ERROR;
    }
    const GstClockTime elapsed = gst_util_get_timestamp() - begin;
    GST_LOG_OBJECT(self, "%" GST_TIME_FORMAT " for %" GST_PTR_FORMAT, GST_TIME_ARGS(elapsed),
                   buffer);
    // Without a live source nobody has to wait for this element.
    if (self->state->latency.observe(elapsed) && self->state->live) {
      gst_element_post_message(GST_ELEMENT(base), gst_message_new_latency(GST_OBJECT(base)));
    }
    return GST_FLOW_OK;
  });
}

static gboolean gst_quant_infer_query(GstBaseTransform* base, GstPadDirection direction,
                                      GstQuery* query) {
  const gboolean answered =
      GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->query(base, direction, query);
  if (!answered || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return answered;
  gboolean live = FALSE;
  GstClockTime least = 0;
  GstClockTime most = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &least, &most);
  auto& state = *GST_QUANT_INFER(base)->state;
  state.live = live;
  const GstClockTime own = state.latency.reported_ns();
  gst_query_set_latency(query, live, least + own,
                        GST_CLOCK_TIME_IS_VALID(most) ? most + own : GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean gst_quant_infer_start(GstBaseTransform* base) {
  auto* self = GST_QUANT_INFER(base);
  if (!GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->start(base)) return FALSE;
  return guarded(GST_ELEMENT(base), FALSE, [&]() -> gboolean {
    self->state->latency.reset();
    if (!gst_quant_transform_names_model(GST_QUANT_TRANSFORM(self))) return TRUE;
    const Status status = open_backend(self);
    if (status) return TRUE;
    post_error(GST_ELEMENT(base), status.error(), "preparing the network");
    return FALSE;
  });
}

static gboolean gst_quant_infer_stop(GstBaseTransform* base) {
  auto& state = *GST_QUANT_INFER(base)->state;
  state.backend.reset();
  state.outputs.clear();
  state.model.reset();
  return GST_BASE_TRANSFORM_CLASS(gst_quant_infer_parent_class)->stop(base);
}

static void gst_quant_infer_finalize(GObject* object) {
  delete GST_QUANT_INFER(object)->state;
  G_OBJECT_CLASS(gst_quant_infer_parent_class)->finalize(object);
}

static void gst_quant_infer_class_init(GstQuantInferClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  const auto mutable_ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                      GST_PARAM_MUTABLE_READY);

  object_class->set_property = gst_quant_infer_set_property;
  object_class->get_property = gst_quant_infer_get_property;
  object_class->finalize = gst_quant_infer_finalize;
  base_class->transform_ip = gst_quant_infer_transform_ip;
  base_class->query = gst_quant_infer_query;
  base_class->start = gst_quant_infer_start;
  base_class->stop = gst_quant_infer_stop;

  /**
   * GstQuantInfer:backend:
   *
   * What runs the network.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_BACKEND,
      g_param_spec_enum("backend", "Backend", "What runs the network", GST_TYPE_QUANT_INFER_BACKEND,
                        static_cast<gint>(BackendChoice::kAuto), mutable_ready));
  /**
   * GstQuantInfer:threads:
   *
   * Threads of the emulator. Their number never changes a result.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_THREADS,
      g_param_spec_int("threads", "Threads",
                       "Number of threads that the emulator computes with, the streaming thread "
                       "included; results do not depend on it",
                       1, 256, kDefaultThreads, mutable_ready));

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Quantized network inference",
                                        "Filter/Analyzer/Video",
                                        "Runs a quantized network on the input tensor of every "
                                        "frame; the raw integer outputs ride on "
                                        "the untouched video as metadata",
                                        "The gst-quant developers");
  gst_type_mark_as_plugin_api(GST_TYPE_QUANT_INFER_BACKEND, static_cast<GstPluginAPIFlags>(0));
}

static void gst_quant_infer_init(GstQuantInfer* self) { self->state = new InferState(); }
