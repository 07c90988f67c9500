// SPDX-License-Identifier: MIT
// The headers are C: this would not compile if they were not, nor link if a symbol were hidden.
#include <gst/quant/quant.h>

GstBuffer* c_api_make_buffer(void);

GstBuffer* c_api_make_buffer(void) {
  const gsize dims[] = {1, 2};
  const gfloat scale = 0.5F;
  const gfloat zero_point = 3;
  GstBuffer* buffer = gst_buffer_new();
  GstQuantTensor* tensor = gst_quant_tensor_new("scores", GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                                GST_QUANT_TENSOR_DATA_TYPE_UINT8,
                                                gst_buffer_new_memdup("ab", 2), 2, dims);
  gst_quant_tensor_set_quantization(tensor, 1, &scale, &zero_point, 0);
  gst_buffer_add_quant_tensor_meta(buffer, tensor);
  gst_buffer_add_quant_snr_meta(buffer, gst_quant_snr_record_new(1));
  return buffer;
}
