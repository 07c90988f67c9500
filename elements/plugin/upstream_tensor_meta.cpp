// SPDX-License-Identifier: MIT
#include "plugin/upstream_tensor_meta.h"

#ifdef GST_QUANT_HAVE_ANALYTICS
#include <gst/analytics/analytics.h>

// The enumerators have the same numbers, so that a cast converts them.
static_assert(static_cast<int>(GST_QUANT_TENSOR_DATA_TYPE_INT4) == GST_TENSOR_DATA_TYPE_INT4);
static_assert(static_cast<int>(GST_QUANT_TENSOR_DATA_TYPE_UINT8) == GST_TENSOR_DATA_TYPE_UINT8);
static_assert(static_cast<int>(GST_QUANT_TENSOR_DATA_TYPE_FLOAT32) == GST_TENSOR_DATA_TYPE_FLOAT32);
static_assert(static_cast<int>(GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16) ==
              GST_TENSOR_DATA_TYPE_BFLOAT16);
#endif

namespace quant::element {

#ifdef GST_QUANT_HAVE_ANALYTICS

void attach_upstream_tensors(GstBuffer* buffer,
                             std::span<const GstPointer<GstQuantTensor>> tensors) {
  if (tensors.empty() || gst_buffer_get_tensor_meta(buffer)) return;
  for (const auto& tensor : tensors) {
    if (tensor->layout != GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS) return;
  }
  auto** array = g_new0(GstTensor*, tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const GstQuantTensor& tensor = *tensors[i];
    array[i] = gst_tensor_alloc(tensor.num_dims);
    array[i]->id = tensor.id;
    array[i]->layout = GST_TENSOR_LAYOUT_CONTIGUOUS;
    array[i]->data_type = static_cast<GstTensorDataType>(tensor.data_type);
    array[i]->data = gst_buffer_ref(tensor.data);
    array[i]->dims_order = static_cast<GstTensorDimOrder>(tensor.dims_order);
    for (gsize axis = 0; axis < tensor.num_dims; ++axis) array[i]->dims[axis] = tensor.dims[axis];
  }
  gst_tensor_meta_set(gst_buffer_add_tensor_meta(buffer), static_cast<guint>(tensors.size()),
                      array);
}

#else

void attach_upstream_tensors(GstBuffer*, std::span<const GstPointer<GstQuantTensor>>) {}

#endif

}  // namespace quant::element
