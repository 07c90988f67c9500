// SPDX-License-Identifier: MIT
#include "gst/quant/quant-tensor-meta.h"

static gboolean quant_tensor_meta_init(GstMeta* meta, gpointer params, GstBuffer* buffer) {
  (void)params;
  (void)buffer;
  ((GstQuantTensorMeta*)meta)->tensor = NULL;
  return TRUE;
}

static void quant_tensor_meta_free(GstMeta* meta, GstBuffer* buffer) {
  (void)buffer;
  GstQuantTensorMeta* self = (GstQuantTensorMeta*)meta;
  if (self->tensor != NULL) gst_quant_tensor_unref(self->tensor);
}

// The same for every kind of transform: the tensors belong to the moment, not to the pixels.
static gboolean quant_tensor_meta_transform(GstBuffer* target, GstMeta* meta, GstBuffer* buffer,
                                            GQuark type, gpointer data) {
  (void)buffer;
  (void)type;
  (void)data;
  GstQuantTensor* tensor = ((GstQuantTensorMeta*)meta)->tensor;
  return gst_buffer_add_quant_tensor_meta(target, gst_quant_tensor_ref(tensor)) != NULL;
}

/**
 * gst_quant_tensor_meta_api_get_type: (skip)
 *
 * Since: 0.1
 */
GType gst_quant_tensor_meta_api_get_type(void) {
  static GType type = 0;
  if (g_once_init_enter(&type)) {
    static const gchar* no_tags[] = {NULL};
    g_once_init_leave(&type, gst_meta_api_type_register("GstQuantTensorMetaAPI", no_tags));
  }
  return type;
}

/**
 * gst_quant_tensor_meta_get_info: (skip)
 *
 * Since: 0.1
 */
const GstMetaInfo* gst_quant_tensor_meta_get_info(void) {
  static const GstMetaInfo* info = NULL;
  if (g_once_init_enter((GstMetaInfo**)&info)) {
    const GstMetaInfo* registered = gst_meta_register(
        GST_QUANT_TENSOR_META_API_TYPE, "GstQuantTensorMeta", sizeof(GstQuantTensorMeta),
        quant_tensor_meta_init, quant_tensor_meta_free, quant_tensor_meta_transform);
    g_once_init_leave((GstMetaInfo**)&info, (GstMetaInfo*)registered);
  }
  return info;
}

/**
 * gst_buffer_add_quant_tensor_meta:
 * @buffer: a writable #GstBuffer
 * @tensor: (transfer full): a #GstQuantTensor, constant from here on
 *
 * Hangs @tensor on @buffer, behind those that are there already.
 *
 * Returns: (transfer none): the meta
 *
 * Since: 0.1
 */
GstQuantTensorMeta* gst_buffer_add_quant_tensor_meta(GstBuffer* buffer, GstQuantTensor* tensor) {
  g_return_val_if_fail(gst_buffer_is_writable(buffer), NULL);
  g_return_val_if_fail(tensor != NULL, NULL);
  GstQuantTensorMeta* meta =
      (GstQuantTensorMeta*)gst_buffer_add_meta(buffer, GST_QUANT_TENSOR_META_INFO, NULL);
  if (meta == NULL) {
    gst_quant_tensor_unref(tensor);
    return NULL;
  }
  meta->tensor = tensor;
  return meta;
}

/**
 * gst_buffer_get_quant_tensor:
 * @buffer: a #GstBuffer
 * @role: which step made the tensor
 * @id: quark of the tensor's name; 0 takes any
 *
 * Finds a tensor. Where several fit (a chain of two models), the last one that was attached.
 *
 * Returns: (transfer none) (nullable): the tensor
 *
 * Since: 0.1
 */
GstQuantTensor* gst_buffer_get_quant_tensor(GstBuffer* buffer, GstQuantTensorRole role, GQuark id) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  GstQuantTensor* found = NULL;
  GstQuantTensor* tensor = NULL;
  gpointer state = NULL;
  while ((tensor = gst_buffer_iterate_quant_tensor(buffer, &state)) != NULL) {
    if (tensor->role == role && (id == 0 || tensor->id == id)) found = tensor;
  }
  return found;
}

/**
 * gst_buffer_iterate_quant_tensor: (skip)
 * @buffer: a #GstBuffer
 * @state: (inout): where the walk stands; starts at %NULL
 *
 * Walks through the tensors of @buffer in the order in which they were attached.
 *
 * Returns: (transfer none) (nullable): the next tensor
 *
 * Since: 0.1
 */
GstQuantTensor* gst_buffer_iterate_quant_tensor(GstBuffer* buffer, gpointer* state) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, state, GST_QUANT_TENSOR_META_API_TYPE);
  return meta != NULL ? ((GstQuantTensorMeta*)meta)->tensor : NULL;
}
