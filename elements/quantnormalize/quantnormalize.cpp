// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quantnormalize
 * @title: quantnormalize
 *
 * Resizes and converts every video frame to what the network takes and hangs the result on the
 * frame as a tensor with the role "input". The video itself passes through untouched, whatever its
 * size. Where the frame already has the network's size and colour order, the tensor shares the
 * frame's memory.
 *
 * ## Example
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=100 ! quantnormalize scaling=letterbox !
 *     quantinfer model=model.qar ! quantdequantize ! quanttee ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "quantnormalize/quantnormalize.h"

#include <gst/video/video.h>

#include "plugin/errors.h"
#include "quantnormalize/frame_converter.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_normalize_debug);
#define GST_CAT_DEFAULT gst_quant_normalize_debug

using quant::FrameOptions;
using quant::ResizeMode;
using quant::element::FrameConverter;
using quant::element::guarded;
using quant::element::post_error;

namespace {

struct NormalizeState {
  GstVideoInfo frame = {};                    // streaming thread
  std::unique_ptr<FrameConverter> converter;  // streaming thread; empty until a frame needs it
  FrameOptions options;                       // object lock
};

}  // namespace

struct _GstQuantNormalize {
  GstQuantTransform parent;
  NormalizeState* state;
};

enum { PROP_0, PROP_SCALING, PROP_BORDER };

#define NORMALIZE_FORMATS                                                                       \
  "{ RGB, BGR, RGBA, BGRA, RGBx, BGRx, ARGB, ABGR, xRGB, xBGR, GRAY8, I420, YV12, NV12, NV21, " \
  "YUY2, UYVY, Y42B, Y444 }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(NORMALIZE_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(NORMALIZE_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstQuantNormalize, gst_quant_normalize, GST_TYPE_QUANT_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(gst_quant_normalize_debug, "quantnormalize", 0,
                                                "Video frames to input tensors"))
GST_ELEMENT_REGISTER_DEFINE(quantnormalize, "quantnormalize", GST_RANK_NONE,
                            GST_TYPE_QUANT_NORMALIZE)

#define GST_TYPE_QUANT_NORMALIZE_SCALING (gst_quant_normalize_scaling_get_type())
static GType gst_quant_normalize_scaling_get_type() {
  static GType type = 0;
  static const GEnumValue values[] = {
      {static_cast<gint>(ResizeMode::kStretch),
       "The frame fills the tensor, whatever happens to its proportions", "stretch"},
      {static_cast<gint>(ResizeMode::kLetterbox),
       "The frame keeps its proportions, centred; a border fills the rest", "letterbox"},
      {static_cast<gint>(ResizeMode::kCrop),
       "The frame keeps its proportions and covers the tensor; its middle is taken", "crop"},
      {0, nullptr, nullptr}};
  if (g_once_init_enter(&type)) {
    g_once_init_leave(&type, g_enum_register_static("GstQuantNormalizeScaling", values));
  }
  return type;
}

static void gst_quant_normalize_set_property(GObject* object, guint id, const GValue* value,
                                             GParamSpec* spec) {
  auto& state = *GST_QUANT_NORMALIZE(object)->state;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_SCALING:
      state.options.resize = static_cast<ResizeMode>(g_value_get_enum(value));
      break;
    case PROP_BORDER:
      state.options.pad = static_cast<std::uint8_t>(g_value_get_uint(value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_quant_normalize_get_property(GObject* object, guint id, GValue* value,
                                             GParamSpec* spec) {
  auto& state = *GST_QUANT_NORMALIZE(object)->state;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_SCALING:
      g_value_set_enum(value, static_cast<gint>(state.options.resize));
      break;
    case PROP_BORDER:
      g_value_set_uint(value, state.options.pad);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static gboolean gst_quant_normalize_set_caps(GstBaseTransform* base, GstCaps* caps, GstCaps*) {
  auto* self = GST_QUANT_NORMALIZE(base);
  return guarded(GST_ELEMENT(base), FALSE, [&]() -> gboolean {
    self->state->converter.reset();
    if (gst_video_info_from_caps(&self->state->frame, caps)) return TRUE;
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Frames of this format or size cannot be read."),
                      ("caps: %" GST_PTR_FORMAT, caps));
    return FALSE;
  });
}

// The model can be a neighbour's, which nobody can ask before the pipeline is linked: so it is
// looked for with the first frame.
static quant::Status set_up_converter(GstQuantNormalize* self) {
  auto& state = *self->state;
  QUANT_TRY_ASSIGN(const auto model, gst_quant_transform_require_model(GST_QUANT_TRANSFORM(self)));
  GST_OBJECT_LOCK(self);
  const FrameOptions options = state.options;
  GST_OBJECT_UNLOCK(self);
  QUANT_TRY_ASSIGN(state.converter, FrameConverter::make(state.frame, model->input(), options));
  GST_INFO_OBJECT(self, "%dx%d %s to %dx%d %s", state.frame.width, state.frame.height,
                  GST_VIDEO_INFO_NAME(&state.frame), model->input().width, model->input().height,
                  to_string(model->input().color));
  return {};
}

static quant::Status normalize(GstQuantNormalize* self, GstBuffer* buffer) {
  if (!self->state->converter) QUANT_TRY(set_up_converter(self));
  QUANT_TRY_ASSIGN(auto tensor, self->state->converter->convert(buffer));
  gst_buffer_add_quant_tensor_meta(buffer, tensor.release());
  return {};
}

static GstFlowReturn gst_quant_normalize_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  return guarded(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const quant::Status status = normalize(GST_QUANT_NORMALIZE(base), buffer);
    if (status) return GST_FLOW_OK;
    post_error(GST_ELEMENT(base), status.error(), "making the input tensor");
    return GST_FLOW_ERROR;
  });
}

static gboolean gst_quant_normalize_stop(GstBaseTransform* base) {
  GST_QUANT_NORMALIZE(base)->state->converter.reset();
  return GST_BASE_TRANSFORM_CLASS(gst_quant_normalize_parent_class)->stop(base);
}

static void gst_quant_normalize_finalize(GObject* object) {
  delete GST_QUANT_NORMALIZE(object)->state;
  G_OBJECT_CLASS(gst_quant_normalize_parent_class)->finalize(object);
}

static void gst_quant_normalize_class_init(GstQuantNormalizeClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  const auto mutable_ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                      GST_PARAM_MUTABLE_READY);

  object_class->set_property = gst_quant_normalize_set_property;
  object_class->get_property = gst_quant_normalize_get_property;
  object_class->finalize = gst_quant_normalize_finalize;
  base_class->set_caps = gst_quant_normalize_set_caps;
  base_class->transform_ip = gst_quant_normalize_transform_ip;
  base_class->stop = gst_quant_normalize_stop;

  /**
   * GstQuantNormalize:scaling:
   *
   * How a frame of another shape than the network's input is made to fit.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_SCALING,
      g_param_spec_enum("scaling", "Scaling",
                        "How a frame of another shape than the network's input is made to fit",
                        GST_TYPE_QUANT_NORMALIZE_SCALING, static_cast<gint>(ResizeMode::kStretch),
                        mutable_ready));
  /**
   * GstQuantNormalize:border:
   *
   * Brightness of the border around a letterboxed frame, the same in all channels.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_BORDER,
      g_param_spec_uint("border", "Border",
                        "Brightness of the border around a letterboxed frame, in pixel units", 0,
                        255, FrameOptions{}.pad, mutable_ready));

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Network input normalizer", "Filter/Analyzer/Video",
      "Resizes and converts frames to the input tensor of a quantized network; the tensor rides on "
      "the untouched video as metadata",
      "The gst-quant developers");
  gst_type_mark_as_plugin_api(GST_TYPE_QUANT_NORMALIZE_SCALING, static_cast<GstPluginAPIFlags>(0));
}

static void gst_quant_normalize_init(GstQuantNormalize* self) {
  self->state = new NormalizeState();
}
