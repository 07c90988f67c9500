// SPDX-License-Identifier: MIT
// GstQuantSnrMeta: hangs a GstQuantSnrRecord on a buffer.
#ifndef GST_QUANT_SNR_META_H
#define GST_QUANT_SNR_META_H

#include "gst/quant/quant-snr-record.h"

G_BEGIN_DECLS

typedef struct _GstQuantSnrMeta GstQuantSnrMeta;

/**
 * GstQuantSnrMeta:
 * @meta: parent
 * @record: the figures, owned by the meta, constant
 *
 * Behind a live source the figures of a frame are ready only after the frame has left; then a
 * buffer carries the latest that were ready, and @record.frame says of which frame they are. No
 * tags; copies share the record by reference.
 *
 * Since: 0.1
 */
struct _GstQuantSnrMeta {
  GstMeta meta;
  GstQuantSnrRecord* record;
};

GST_QUANT_API
GType gst_quant_snr_meta_api_get_type(void);
#define GST_QUANT_SNR_META_API_TYPE (gst_quant_snr_meta_api_get_type())

GST_QUANT_API
const GstMetaInfo* gst_quant_snr_meta_get_info(void);
#define GST_QUANT_SNR_META_INFO (gst_quant_snr_meta_get_info())

GST_QUANT_API
GstQuantSnrMeta* gst_buffer_add_quant_snr_meta(GstBuffer* buffer, GstQuantSnrRecord* record);
GST_QUANT_API
GstQuantSnrRecord* gst_buffer_get_quant_snr_record(GstBuffer* buffer);
GST_QUANT_API
GstQuantSnrRecord* gst_buffer_iterate_quant_snr_record(GstBuffer* buffer, gpointer* state);

G_END_DECLS

#endif
