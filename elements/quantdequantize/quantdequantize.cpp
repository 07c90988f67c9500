// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quantdequantize
 * @title: quantdequantize
 *
 * Turns the raw integer tensors on a frame (role "quantized"), or those that Hailo's element
 * hailonet hangs on it, into float32 tensors in real units (role "dequantized"). With a model, its
 * own or a neighbour's, these are the model's outputs: dequantization and whatever float part the
 * model keeps on the host. Without one, every raw tensor becomes (q − zero_point) × scale under its
 * own name; what lies in memory as a device left it becomes dense, 1 × height × width × channels.
 * Scale and zero point are the tensor's own, else the HEF's, else the model's.
 *
 * ## Examples
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! quantnormalize ! quantinfer model=model.qar !
 *     quantdequantize ! fakesink
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! videoscale !
 *     hailonet hef-path=model.hef ! quantdequantize model=model.qar hef-location=model.hef !
 *     fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "quantdequantize/quantdequantize.h"

#include "plugin/errors.h"
#include "quant/hef/hef_reader.h"
#include "quantdequantize/frame_dequantizer.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_dequantize_debug);
#define GST_CAT_DEFAULT gst_quant_dequantize_debug

using quant::Status;
using quant::element::FrameDequantizer;
using quant::element::guarded;
using quant::element::OutputNames;
using quant::element::post_error;

namespace {

constexpr gint kDefaultThreads = 1;

struct DequantizeState {
  std::unique_ptr<FrameDequantizer> dequantizer;  // streaming thread; empty before the first frame
  // Object lock:
  gint threads = kDefaultThreads;
  std::string hef_location;
  std::string output_names;
};

}  // namespace

struct _GstQuantDequantize {
  GstQuantTransform parent;
  DequantizeState* state;
};

enum { PROP_0, PROP_THREADS, PROP_HEF_LOCATION, PROP_OUTPUT_NAMES };

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE(GstQuantDequantize, gst_quant_dequantize, GST_TYPE_QUANT_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(gst_quant_dequantize_debug, "quantdequantize", 0,
                                                "Integer tensors to float tensors"))
GST_ELEMENT_REGISTER_DEFINE(quantdequantize, "quantdequantize", GST_RANK_NONE,
                            GST_TYPE_QUANT_DEQUANTIZE)

static void gst_quant_dequantize_set_property(GObject* object, guint id, const GValue* value,
                                              GParamSpec* spec) {
  auto& state = *GST_QUANT_DEQUANTIZE(object)->state;
  const auto text = [&] {
    const gchar* given = g_value_get_string(value);
    return std::string(given ? given : "");
  };
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_THREADS:
      state.threads = g_value_get_int(value);
      break;
    case PROP_HEF_LOCATION:
      state.hef_location = text();
      break;
    case PROP_OUTPUT_NAMES:
      state.output_names = text();
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_quant_dequantize_get_property(GObject* object, guint id, GValue* value,
                                              GParamSpec* spec) {
  auto& state = *GST_QUANT_DEQUANTIZE(object)->state;
  const auto set_text = [&](const std::string& text) {
    g_value_set_string(value, text.empty() ? nullptr : text.c_str());
  };
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_THREADS:
      g_value_set_int(value, state.threads);
      break;
    case PROP_HEF_LOCATION:
      set_text(state.hef_location);
      break;
    case PROP_OUTPUT_NAMES:
      set_text(state.output_names);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static Status open_dequantizer(GstQuantDequantize* self) {
  auto& state = *self->state;
  FrameDequantizer::Sources sources;
  GST_OBJECT_LOCK(self);
  sources.threads = state.threads;
  const std::string hef = state.hef_location;
  const std::string names = state.output_names;
  GST_OBJECT_UNLOCK(self);
  QUANT_TRY_ASSIGN(sources.model, gst_quant_transform_find_model(GST_QUANT_TRANSFORM(self)));
  if (!hef.empty()) {
    QUANT_TRY_ASSIGN(sources.hef, quant::read_hef_file(hef));
  }
  QUANT_TRY_ASSIGN(sources.names, quant::element::parse_output_names(names));
  if (!sources.model) {
    GST_INFO_OBJECT(self, "no model; every raw tensor is dequantized by itself");
  }
  QUANT_TRY_ASSIGN(state.dequantizer, FrameDequantizer::create(std::move(sources)));
  return {};
}

static Status dequantize(GstQuantDequantize* self, GstBuffer* buffer) {
  auto& state = *self->state;
  if (!state.dequantizer) QUANT_TRY(open_dequantizer(self));
  QUANT_TRY(state.dequantizer->run(buffer));
  for (const std::string& line : state.dequantizer->take_report()) {
    GST_INFO_OBJECT(self, "%s", line.c_str());
  }
  return {};
}

static GstFlowReturn gst_quant_dequantize_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const Status status = dequantize(GST_QUANT_DEQUANTIZE(base), buffer);
    if (status) return GST_FLOW_OK;
    post_error(GST_ELEMENT(base), status.error(), "dequantizing");
    return GST_FLOW_ERROR;
  });
}

static gboolean gst_quant_dequantize_stop(GstBaseTransform* base) {
  auto& state = *GST_QUANT_DEQUANTIZE(base)->state;
  state.dequantizer.reset();
  return GST_BASE_TRANSFORM_CLASS(gst_quant_dequantize_parent_class)->stop(base);
}

static void gst_quant_dequantize_finalize(GObject* object) {
  delete GST_QUANT_DEQUANTIZE(object)->state;
  G_OBJECT_CLASS(gst_quant_dequantize_parent_class)->finalize(object);
}

static void gst_quant_dequantize_class_init(GstQuantDequantizeClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  const auto mutable_ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                      GST_PARAM_MUTABLE_READY);

  object_class->set_property = gst_quant_dequantize_set_property;
  object_class->get_property = gst_quant_dequantize_get_property;
  object_class->finalize = gst_quant_dequantize_finalize;
  base_class->transform_ip = gst_quant_dequantize_transform_ip;
  base_class->stop = gst_quant_dequantize_stop;

  /**
   * GstQuantDequantize:threads:
   *
   * Threads of the model's float part.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_THREADS,
      g_param_spec_int("threads", "Threads",
                       "Number of threads that the float part of the model computes with, the "
                       "streaming thread included",
                       1, 256, kDefaultThreads, mutable_ready));
  /**
   * GstQuantDequantize:hef-location:
   *
   * The compiled network that the tensors come from: parameters that the tensors do not carry, and
   * layouts.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_HEF_LOCATION,
      g_param_spec_string("hef-location", "HEF location",
                          "File name of the HEF that the device runs: scales and layouts of "
                          "tensors that do not carry their own",
                          nullptr, mutable_ready));
  /**
   * GstQuantDequantize:output-names:
   *
   * Which tensor is which output, as "heat=net/conv7,pos=net/fc1". Unset: by name, else by size.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_OUTPUT_NAMES,
      g_param_spec_string("output-names", "Output names",
                          "The model's name of each output and the device's name of its tensor, "
                          "as \"heat=net/conv7,pos=net/fc1\"; unset: by name, else by size",
                          nullptr, mutable_ready));

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Tensor dequantizer", "Filter/Analyzer/Video",
      "Turns the raw integer outputs of a quantized network, quantinfer's or hailonet's, into the "
      "float outputs of its model; "
      "they ride on the untouched video as metadata",
      "The gst-quant developers");
}

static void gst_quant_dequantize_init(GstQuantDequantize* self) {
  self->state = new DequantizeState();
}
