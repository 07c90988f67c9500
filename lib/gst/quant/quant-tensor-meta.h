// SPDX-License-Identifier: MIT
// GstQuantTensorMeta: hangs a GstQuantTensor on a buffer. One tensor to a meta, any number to a
// buffer.
#ifndef GST_QUANT_TENSOR_META_H
#define GST_QUANT_TENSOR_META_H

#include "gst/quant/quant-tensor.h"

G_BEGIN_DECLS

typedef struct _GstQuantTensorMeta GstQuantTensorMeta;

/**
 * GstQuantTensorMeta:
 * @meta: parent
 * @tensor: the tensor, owned by the meta, constant
 *
 * Carries no tags: what a network saw and answered stays true when the picture beside it is scaled,
 * converted or encoded, so the meta survives those. Copies share the tensor by reference.
 *
 * Since: 0.1
 */
struct _GstQuantTensorMeta {
  GstMeta meta;
  GstQuantTensor* tensor;
};

GST_QUANT_API
GType gst_quant_tensor_meta_api_get_type(void);
#define GST_QUANT_TENSOR_META_API_TYPE (gst_quant_tensor_meta_api_get_type())

GST_QUANT_API
const GstMetaInfo* gst_quant_tensor_meta_get_info(void);
#define GST_QUANT_TENSOR_META_INFO (gst_quant_tensor_meta_get_info())

GST_QUANT_API
GstQuantTensorMeta* gst_buffer_add_quant_tensor_meta(GstBuffer* buffer, GstQuantTensor* tensor);
GST_QUANT_API
GstQuantTensor* gst_buffer_get_quant_tensor(GstBuffer* buffer, GstQuantTensorRole role, GQuark id);
GST_QUANT_API
GstQuantTensor* gst_buffer_iterate_quant_tensor(GstBuffer* buffer, gpointer* state);

G_END_DECLS

#endif
