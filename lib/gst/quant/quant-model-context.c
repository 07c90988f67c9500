// SPDX-License-Identifier: MIT
#include "gst/quant/quant-model-context.h"

/**
 * gst_quant_model_context_new:
 * @path: file name of a .qar archive
 *
 * Makes a context that names a model; for gst_element_set_context() on a pipeline or an element.
 *
 * Returns: (transfer full): a persistent #GstContext
 *
 * Since: 0.1
 */
GstContext* gst_quant_model_context_new(const gchar* path) {
  g_return_val_if_fail(path != NULL, NULL);
  GstContext* context = gst_context_new(GST_QUANT_MODEL_CONTEXT_TYPE, TRUE);
  gst_structure_set(gst_context_writable_structure(context), "path", G_TYPE_STRING, path, NULL);
  return context;
}

/**
 * gst_quant_model_context_get_path:
 * @context: a #GstContext
 *
 * Returns: (transfer none) (nullable): the file name, or %NULL where @context is of another type
 *
 * Since: 0.1
 */
const gchar* gst_quant_model_context_get_path(GstContext* context) {
  g_return_val_if_fail(GST_IS_CONTEXT(context), NULL);
  if (!gst_context_has_context_type(context, GST_QUANT_MODEL_CONTEXT_TYPE)) return NULL;
  return gst_structure_get_string(gst_context_get_structure(context), "path");
}
