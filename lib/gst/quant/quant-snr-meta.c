// SPDX-License-Identifier: MIT
#include "gst/quant/quant-snr-meta.h"

static gboolean quant_snr_meta_init(GstMeta* meta, gpointer params, GstBuffer* buffer) {
  (void)params;
  (void)buffer;
  ((GstQuantSnrMeta*)meta)->record = NULL;
  return TRUE;
}

static void quant_snr_meta_free(GstMeta* meta, GstBuffer* buffer) {
  (void)buffer;
  GstQuantSnrMeta* self = (GstQuantSnrMeta*)meta;
  if (self->record != NULL) gst_quant_snr_record_unref(self->record);
}

static gboolean quant_snr_meta_transform(GstBuffer* target, GstMeta* meta, GstBuffer* buffer,
                                         GQuark type, gpointer data) {
  (void)buffer;
  (void)type;
  (void)data;
  GstQuantSnrRecord* record = ((GstQuantSnrMeta*)meta)->record;
  return gst_buffer_add_quant_snr_meta(target, gst_quant_snr_record_ref(record)) != NULL;
}

/**
 * gst_quant_snr_meta_api_get_type: (skip)
 *
 * Since: 0.1
 */
GType gst_quant_snr_meta_api_get_type(void) {
  static GType type = 0;
  if (g_once_init_enter(&type)) {
    static const gchar* no_tags[] = {NULL};
    g_once_init_leave(&type, gst_meta_api_type_register("GstQuantSnrMetaAPI", no_tags));
  }
  return type;
}

/**
 * gst_quant_snr_meta_get_info: (skip)
 *
 * Since: 0.1
 */
const GstMetaInfo* gst_quant_snr_meta_get_info(void) {
  static const GstMetaInfo* info = NULL;
  if (g_once_init_enter((GstMetaInfo**)&info)) {
    const GstMetaInfo* registered =
        gst_meta_register(GST_QUANT_SNR_META_API_TYPE, "GstQuantSnrMeta", sizeof(GstQuantSnrMeta),
                          quant_snr_meta_init, quant_snr_meta_free, quant_snr_meta_transform);
    g_once_init_leave((GstMetaInfo**)&info, (GstMetaInfo*)registered);
  }
  return info;
}

/**
 * gst_buffer_add_quant_snr_meta:
 * @buffer: a writable #GstBuffer
 * @record: (transfer full): the figures, constant from here on
 *
 * Returns: (transfer none): the meta
 *
 * Since: 0.1
 */
GstQuantSnrMeta* gst_buffer_add_quant_snr_meta(GstBuffer* buffer, GstQuantSnrRecord* record) {
  g_return_val_if_fail(gst_buffer_is_writable(buffer), NULL);
  g_return_val_if_fail(record != NULL, NULL);
  GstQuantSnrMeta* meta =
      (GstQuantSnrMeta*)gst_buffer_add_meta(buffer, GST_QUANT_SNR_META_INFO, NULL);
  if (meta == NULL) {
    gst_quant_snr_record_unref(record);
    return NULL;
  }
  meta->record = record;
  return meta;
}

/**
 * gst_buffer_get_quant_snr_record:
 * @buffer: a #GstBuffer
 *
 * Finds the figures on a buffer. Where there are several (a chain of two models, or several
 * references of one quanttee, whose main one comes last), the last ones.
 *
 * Returns: (transfer none) (nullable): the figures
 *
 * Since: 0.1
 */
GstQuantSnrRecord* gst_buffer_get_quant_snr_record(GstBuffer* buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  GstQuantSnrRecord* found = NULL;
  GstMeta* meta = NULL;
  gpointer state = NULL;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_QUANT_SNR_META_API_TYPE)) !=
         NULL) {
    found = ((GstQuantSnrMeta*)meta)->record;
  }
  return found;
}

/**
 * gst_buffer_iterate_quant_snr_record: (skip)
 * @buffer: a #GstBuffer
 * @state: (inout): where the walk stands; starts at %NULL
 *
 * Walks through the figures on @buffer in the order in which they were attached.
 *
 * Returns: (transfer none) (nullable): the next figures
 *
 * Since: 0.1
 */
GstQuantSnrRecord* gst_buffer_iterate_quant_snr_record(GstBuffer* buffer, gpointer* state) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, state, GST_QUANT_SNR_META_API_TYPE);
  return meta != NULL ? ((GstQuantSnrMeta*)meta)->record : NULL;
}
