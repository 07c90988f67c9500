// SPDX-License-Identifier: MIT
#include "plugin/quant_transform.h"

#include "plugin/errors.h"
#include "plugin/model_locator.h"

using quant::element::guarded;
using quant::element::ModelLocator;

struct GstQuantTransformPrivate {
  ModelLocator* locator;
};

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(GstQuantTransform, gst_quant_transform, GST_TYPE_BASE_TRANSFORM)

enum { PROP_0, PROP_MODEL };

static ModelLocator& locator_of(gpointer self) {
  auto* transform = GST_QUANT_TRANSFORM(self);
  return *static_cast<GstQuantTransformPrivate*>(
              gst_quant_transform_get_instance_private(transform))
              ->locator;
}

static void gst_quant_transform_set_property(GObject* object, guint id, const GValue* value,
                                             GParamSpec* spec) {
  switch (id) {
    case PROP_MODEL: {
      guarded(GST_ELEMENT(object), 0, [&] {
        const gchar* path = g_value_get_string(value);
        locator_of(object).set_path(path ? path : "");
        return 0;
      });
      break;
    }
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
}

static void gst_quant_transform_get_property(GObject* object, guint id, GValue* value,
                                             GParamSpec* spec) {
  switch (id) {
    case PROP_MODEL: {
      const std::string path = locator_of(object).path();
      g_value_set_string(value, path.empty() ? nullptr : path.c_str());
      break;
    }
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
}

static void gst_quant_transform_set_context(GstElement* element, GstContext* context) {
  guarded(element, 0, [&] {
    locator_of(element).set_context(context);
    return 0;
  });
  GST_ELEMENT_CLASS(gst_quant_transform_parent_class)->set_context(element, context);
}

static gboolean gst_quant_transform_query(GstBaseTransform* base, GstPadDirection direction,
                                          GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT) {
    const bool answered =
        guarded(GST_ELEMENT(base), false, [&] { return locator_of(base).answer(query); });
    if (answered) return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_quant_transform_parent_class)->query(base, direction, query);
}

// A model that this element names itself is opened here, so that a wrong one stops the state
// change.
static gboolean gst_quant_transform_start(GstBaseTransform* base) {
  return guarded(GST_ELEMENT(base), FALSE, [&]() -> gboolean {
    auto* self = GST_QUANT_TRANSFORM(base);
    locator_of(self).reset();
    if (!gst_quant_transform_names_model(self)) return TRUE;
    const auto model = gst_quant_transform_find_model(self);
    if (model) return TRUE;
    quant::element::post_error(GST_ELEMENT(base), model.error(), "opening the model");
    return FALSE;
  });
}

static gboolean gst_quant_transform_stop(GstBaseTransform* base) {
  locator_of(base).reset();
  return TRUE;
}

// The picture is never copied: where somebody else holds the buffer too (a tee), only its header
// is.
static GstFlowReturn gst_quant_transform_prepare_output_buffer(GstBaseTransform*, GstBuffer* input,
                                                               GstBuffer** output) {
  *output = gst_buffer_is_writable(input) ? input : gst_buffer_copy(input);
  return GST_FLOW_OK;
}

// The buffer that leaves is the one that came: what downstream proposes is for upstream to decide
// on.
static gboolean gst_quant_transform_propose_allocation(GstBaseTransform* base, GstQuery*,
                                                       GstQuery* query) {
  return GST_BASE_TRANSFORM_CLASS(gst_quant_transform_parent_class)
      ->propose_allocation(base, nullptr, query);
}

static gboolean gst_quant_transform_decide_allocation(GstBaseTransform*, GstQuery* query) {
  while (gst_query_get_n_allocation_pools(query) > 0) {
    gst_query_remove_nth_allocation_pool(query, 0);
  }
  return TRUE;
}

static void gst_quant_transform_finalize(GObject* object) {
  delete &locator_of(object);
  G_OBJECT_CLASS(gst_quant_transform_parent_class)->finalize(object);
}

static void gst_quant_transform_class_init(GstQuantTransformClass* klass) {
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* base_class = GST_BASE_TRANSFORM_CLASS(klass);
  object_class->set_property = gst_quant_transform_set_property;
  object_class->get_property = gst_quant_transform_get_property;
  object_class->finalize = gst_quant_transform_finalize;
  GST_ELEMENT_CLASS(klass)->set_context = gst_quant_transform_set_context;
  base_class->query = gst_quant_transform_query;
  base_class->start = gst_quant_transform_start;
  base_class->stop = gst_quant_transform_stop;
  base_class->prepare_output_buffer = gst_quant_transform_prepare_output_buffer;
  base_class->propose_allocation = gst_quant_transform_propose_allocation;
  base_class->decide_allocation = gst_quant_transform_decide_allocation;
  base_class->passthrough_on_same_caps = FALSE;

  /**
   * GstQuantTransform:model:
   *
   * File name of the quantized model (.qar). One element of a pipeline is enough: the others ask
   * their neighbours downstream, then upstream, then the application (context "gst.quant.model").
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_MODEL,
      g_param_spec_string("model", "Model",
                          "File name of the quantized model (.qar); unset takes the model that a "
                          "neighbouring quant element names",
                          nullptr,
                          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                   GST_PARAM_MUTABLE_READY)));
  gst_type_mark_as_plugin_api(GST_TYPE_QUANT_TRANSFORM, static_cast<GstPluginAPIFlags>(0));
}

static void gst_quant_transform_init(GstQuantTransform* self) {
  static_cast<GstQuantTransformPrivate*>(gst_quant_transform_get_instance_private(self))->locator =
      new ModelLocator();
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

bool gst_quant_transform_names_model(GstQuantTransform* self) {
  return !locator_of(self).path().empty();
}

quant::Result<std::shared_ptr<const quant::Model>> gst_quant_transform_find_model(
    GstQuantTransform* self) {
  return locator_of(self).find(GST_ELEMENT(self));
}

quant::Result<std::shared_ptr<const quant::Model>> gst_quant_transform_require_model(
    GstQuantTransform* self) {
  auto model = gst_quant_transform_find_model(self);
  if (!model || *model) return model;
  return quant::fail(
      quant::ErrorCode::kNotFound,
      "no model: set the model property of this element or of a quant element linked "
      "to it");
}
