// SPDX-License-Identifier: MIT
/**
 * SECTION:element-quantdequantize
 * @title: quantdequantize
 *
 * Turns the raw integer tensors on a frame (role "quantized") into float32 tensors in real units
 * (role "dequantized"). With a model, its own or a neighbour's, these are the model's outputs:
 * dequantization and whatever float part the model keeps on the host. Without one, every raw tensor
 * that carries a scale becomes (q − zero_point) × scale under its own name.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! quantnormalize ! quantinfer model=model.qar !
 *     quantdequantize ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "quantdequantize/quantdequantize.h"

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"
#include "quant/kernels/relayout/dequantize_tensor.h"

GST_DEBUG_CATEGORY_STATIC(gst_quant_dequantize_debug);
#define GST_CAT_DEFAULT gst_quant_dequantize_debug

using quant::ErrorCode;
using quant::fail;
using quant::HostPart;
using quant::Model;
using quant::Status;
using quant::Tensor;
using quant::element::guarded;
using quant::element::post_error;

namespace {

constexpr gint kDefaultThreads = 1;

// All but `threads` belongs to the streaming thread.
struct DequantizeState {
  bool looked_for_model = false;
  std::shared_ptr<const Model> model;  // empty: none in this pipeline
  std::unique_ptr<HostPart> host_part;
  std::vector<Tensor> outputs;
  gint threads = kDefaultThreads;  // object lock
};

}  // namespace

struct _GstQuantDequantize {
  GstQuantTransform parent;
  DequantizeState* state;
};

enum { PROP_0, PROP_THREADS };

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
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_THREADS:
      GST_QUANT_DEQUANTIZE(object)->state->threads = g_value_get_int(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_quant_dequantize_get_property(GObject* object, guint id, GValue* value,
                                              GParamSpec* spec) {
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_THREADS:
      g_value_set_int(value, GST_QUANT_DEQUANTIZE(object)->state->threads);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

static Status open_host_part(GstQuantDequantize* self) {
  auto& state = *self->state;
  QUANT_TRY_ASSIGN(auto model, gst_quant_transform_find_model(GST_QUANT_TRANSFORM(self)));
  state.looked_for_model = true;
  if (!model) {
    GST_INFO_OBJECT(self, "no model; every raw tensor is dequantized by itself");
    return {};
  }
  GST_OBJECT_LOCK(self);
  const gint threads = state.threads;
  GST_OBJECT_UNLOCK(self);
  QUANT_TRY_ASSIGN(state.host_part, model->make_host_part(threads));
  state.model = std::move(model);
  return {};
}

static Status run_host_part(DequantizeState& state, GstBuffer* buffer) {
  QUANT_TRY_ASSIGN(const auto raw, quant::element::collect(buffer, state.model->raw_outputs(),
                                                           GST_QUANT_TENSOR_ROLE_QUANTIZED));
  QUANT_TRY(state.host_part->run(raw, state.outputs));
  return quant::element::attach(buffer, state.outputs, state.model->outputs(), {},
                                GST_QUANT_TENSOR_ROLE_DEQUANTIZED, "quantdequantize");
}

static Status dequantize_each(GstBuffer* buffer) {
  std::vector<Tensor> real;
  std::vector<quant::TensorInfo> infos;
  gpointer walk = nullptr;
  while (GstQuantTensor* found = gst_buffer_iterate_quant_tensor(buffer, &walk)) {
    if (found->role != GST_QUANT_TENSOR_ROLE_QUANTIZED) continue;
    QUANT_TRY_ASSIGN(const auto params, quant::element::params_of(found));
    QUANT_TRY_ASSIGN(const Tensor integers, quant::element::from_gst(found));
    auto values = quant::dequantize_tensor(integers, params);
    if (!values) return quant::fail_with_context(std::move(values).error(), found->name);
    infos.push_back({found->name, values->type(), values->shape()});
    real.push_back(std::move(*values));
  }
  if (real.empty()) {
    return fail(ErrorCode::kNotFound,
                "the frames carry no raw output tensors: put quantinfer before quantdequantize");
  }
  return quant::element::attach(buffer, real, infos, {}, GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                                "quantdequantize");
}

static Status dequantize(GstQuantDequantize* self, GstBuffer* buffer) {
  if (!self->state->looked_for_model) QUANT_TRY(open_host_part(self));
  return self->state->host_part ? run_host_part(*self->state, buffer) : dequantize_each(buffer);
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
  state.host_part.reset();
  state.outputs.clear();
  state.model.reset();
  state.looked_for_model = false;
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
                       1, 256, kDefaultThreads,
                       static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                GST_PARAM_MUTABLE_READY)));

  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Tensor dequantizer", "Filter/Analyzer/Video",
      "Turns the raw integer outputs of a quantized network into the float outputs of its model; "
      "they ride on the untouched video as metadata",
      "The gst-quant developers");
}

static void gst_quant_dequantize_init(GstQuantDequantize* self) {
  self->state = new DequantizeState();
}
