// SPDX-License-Identifier: MIT
#include "gst/quant/quant-tensor.h"

G_DEFINE_BOXED_TYPE(GstQuantTensor, gst_quant_tensor, gst_quant_tensor_ref, gst_quant_tensor_unref)

static gsize bits_of(GstQuantTensorDataType data_type) {
  switch (data_type) {
    case GST_QUANT_TENSOR_DATA_TYPE_INT4:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT4:
      return 4;
    case GST_QUANT_TENSOR_DATA_TYPE_INT8:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT8:
      return 8;
    case GST_QUANT_TENSOR_DATA_TYPE_INT16:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT16:
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT16:
    case GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16:
      return 16;
    case GST_QUANT_TENSOR_DATA_TYPE_INT32:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT32:
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT32:
      return 32;
    case GST_QUANT_TENSOR_DATA_TYPE_INT64:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT64:
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT64:
      return 64;
  }
  return 0;
}

// Elements and bytes; FALSE where a type is unknown or a product overflows.
static gboolean measure(GstQuantTensorDataType data_type, gsize num_dims, const gsize* dims,
                        gsize* elements, gsize* bytes) {
  const gsize bits = bits_of(data_type);
  *elements = 1;
  for (gsize i = 0; i < num_dims; i++) {
    if (!g_size_checked_mul(elements, *elements, dims[i])) return FALSE;
  }
  if (bits == 0 || !g_size_checked_mul(bytes, *elements, bits)) return FALSE;
  *bytes = *bytes / 8 + (*bytes % 8 != 0);
  return TRUE;
}

/**
 * gst_quant_tensor_new:
 * @name: the tensor's name in the model
 * @role: which step made it
 * @data_type: type of one element
 * @data: (transfer full): the elements, dense and row-major unless
 *   gst_quant_tensor_set_device_layout() says otherwise; nobody may write to them any more
 * @num_dims: number of dimensions, at most %GST_QUANT_TENSOR_MAX_DIMS
 * @dims: (array length=num_dims) (nullable): sizes in elements
 *
 * Makes a tensor without quantization parameters.
 *
 * Returns: (transfer full) (nullable): the tensor, or %NULL where @data holds fewer bytes than the
 *   dimensions need (then @data is released)
 *
 * Since: 0.1
 */
GstQuantTensor* gst_quant_tensor_new(const gchar* name, GstQuantTensorRole role,
                                     GstQuantTensorDataType data_type, GstBuffer* data,
                                     gsize num_dims, const gsize* dims) {
  gsize elements = 0;
  gsize bytes = 0;
  GstQuantTensor* tensor = NULL;

  g_return_val_if_fail(name != NULL, NULL);
  g_return_val_if_fail(GST_IS_BUFFER(data), NULL);
  g_return_val_if_fail(num_dims == 0 || dims != NULL, NULL);

  if (num_dims > GST_QUANT_TENSOR_MAX_DIMS ||
      !measure(data_type, num_dims, dims, &elements, &bytes) || gst_buffer_get_size(data) < bytes) {
    gst_buffer_unref(data);
    return NULL;
  }
  tensor = g_new0(GstQuantTensor, 1);
  tensor->ref_count = 1;
  tensor->id = g_quark_from_string(name);
  tensor->name = g_quark_to_string(tensor->id);
  tensor->role = role;
  tensor->data_type = data_type;
  tensor->data = data;
  tensor->num_dims = num_dims;
  for (gsize i = 0; i < num_dims; i++) tensor->dims[i] = dims[i];
  tensor->axis = -1;
  return tensor;
}

/**
 * gst_quant_tensor_ref:
 * @tensor: a #GstQuantTensor
 *
 * Returns: (transfer full): @tensor. Thread-safe.
 *
 * Since: 0.1
 */
GstQuantTensor* gst_quant_tensor_ref(GstQuantTensor* tensor) {
  g_return_val_if_fail(tensor != NULL, NULL);
  g_atomic_int_inc(&tensor->ref_count);
  return tensor;
}

/**
 * gst_quant_tensor_unref:
 * @tensor: (transfer full): a #GstQuantTensor
 *
 * Gives up a reference; the last one frees the tensor and releases its data. Thread-safe.
 *
 * Since: 0.1
 */
void gst_quant_tensor_unref(GstQuantTensor* tensor) {
  g_return_if_fail(tensor != NULL);
  if (!g_atomic_int_dec_and_test(&tensor->ref_count)) return;
  gst_buffer_unref(tensor->data);
  g_free(tensor->scale);
  g_free(tensor->zero_point);
  g_free(tensor);
}

/**
 * gst_quant_tensor_set_quantization:
 * @tensor: a #GstQuantTensor that is not attached yet
 * @num_scales: 1, or the size of dimension @axis
 * @scale: (array length=num_scales): real units per step, all finite and above 0
 * @zero_point: (array length=num_scales): the integers that stand for 0.0
 * @axis: dimension along which the scale varies; ignored where @num_scales is 1
 *
 * Says how the integers stand for real values: real = (q − zero_point) × scale.
 *
 * Returns: whether the parameters can be true of @tensor; if not, its scale stays unknown
 *
 * Since: 0.1
 */
gboolean gst_quant_tensor_set_quantization(GstQuantTensor* tensor, gsize num_scales,
                                           const gfloat* scale, const gfloat* zero_point,
                                           gint axis) {
  g_return_val_if_fail(tensor != NULL, FALSE);
  g_return_val_if_fail(scale != NULL && zero_point != NULL, FALSE);

  if (num_scales == 0) return FALSE;
  if (num_scales > 1 &&
      (axis < 0 || (gsize)axis >= tensor->num_dims || tensor->dims[axis] != num_scales)) {
    return FALSE;
  }
  for (gsize i = 0; i < num_scales; i++) {
    // The negation also refuses NaN.
    if (!(scale[i] > 0.0F && scale[i] <= G_MAXFLOAT)) return FALSE;
  }
  g_free(tensor->scale);
  g_free(tensor->zero_point);
  tensor->scale = g_memdup2(scale, num_scales * sizeof(gfloat));
  tensor->zero_point = g_memdup2(zero_point, num_scales * sizeof(gfloat));
  tensor->num_scales = num_scales;
  tensor->axis = num_scales > 1 ? axis : -1;
  return TRUE;
}

/**
 * gst_quant_tensor_set_range:
 * @tensor: a #GstQuantTensor that is not attached yet
 * @range_min: least real value that calibration allows for
 * @range_max: greatest real value that calibration allows for
 *
 * Since: 0.1
 */
void gst_quant_tensor_set_range(GstQuantTensor* tensor, gfloat range_min, gfloat range_max) {
  g_return_if_fail(tensor != NULL);
  tensor->has_range = TRUE;
  tensor->range_min = range_min;
  tensor->range_max = range_max;
}

/**
 * gst_quant_tensor_set_source:
 * @tensor: a #GstQuantTensor that is not attached yet
 * @source: (nullable): who computed the numbers
 *
 * Since: 0.1
 */
void gst_quant_tensor_set_source(GstQuantTensor* tensor, const gchar* source) {
  g_return_if_fail(tensor != NULL);
  tensor->source = g_intern_string(source);
}

/**
 * gst_quant_tensor_set_region:
 * @tensor: a #GstQuantTensor that is not attached yet
 * @x: left edge in elements, negative where the frame begins outside of the tensor
 * @y: top edge in elements, likewise
 * @width: in elements
 * @height: in elements
 *
 * Says where in an input tensor the whole video frame lies.
 *
 * Since: 0.1
 */
void gst_quant_tensor_set_region(GstQuantTensor* tensor, gint x, gint y, guint width,
                                 guint height) {
  g_return_if_fail(tensor != NULL);
  tensor->region.x = x;
  tensor->region.y = y;
  tensor->region.width = width;
  tensor->region.height = height;
}

// Whether memory of these sizes can be in `layout`.
static gboolean can_lie_in(GstQuantTensorLayout layout, gsize padded_height, gsize padded_width,
                           gsize padded_channels) {
  switch (layout) {
    case GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS:
      return FALSE;
    case GST_QUANT_TENSOR_LAYOUT_NHWC:
    case GST_QUANT_TENSOR_LAYOUT_NHCW:
    case GST_QUANT_TENSOR_LAYOUT_NCHW:
    case GST_QUANT_TENSOR_LAYOUT_FCR:
      return TRUE;
    case GST_QUANT_TENSOR_LAYOUT_F8CR:
      return padded_channels % 8 == 0;
    case GST_QUANT_TENSOR_LAYOUT_NHW:
      return padded_channels == 1;
    case GST_QUANT_TENSOR_LAYOUT_NC:
      return padded_height == 1 && padded_width == 1;
  }
  return FALSE;
}

/**
 * gst_quant_tensor_set_device_layout:
 * @tensor: a #GstQuantTensor that is not attached yet, uint8, uint16 or float32, with the
 *   dimensions 1 × height × width × channels
 * @layout: how the elements lie in its data; not CONTIGUOUS
 * @padded_height: rows in memory, at least the height
 * @padded_width: columns in memory, at least the width
 * @padded_channels: channels in memory, at least the channels; whole eights for F8CR
 *
 * Says that the data is memory as a device left it, padding included. A scale for each channel
 * varies along axis 3.
 *
 * Returns: whether @tensor can lie so in the bytes that its data has; if not, it is unchanged
 *
 * Since: 0.1
 */
gboolean gst_quant_tensor_set_device_layout(GstQuantTensor* tensor, GstQuantTensorLayout layout,
                                            gsize padded_height, gsize padded_width,
                                            gsize padded_channels) {
  const gsize padded[] = {padded_height, padded_width, padded_channels};
  gsize elements = 0;
  gsize bytes = 0;
  g_return_val_if_fail(tensor != NULL, FALSE);

  if (tensor->data_type != GST_QUANT_TENSOR_DATA_TYPE_UINT8 &&
      tensor->data_type != GST_QUANT_TENSOR_DATA_TYPE_UINT16 &&
      tensor->data_type != GST_QUANT_TENSOR_DATA_TYPE_FLOAT32) {
    return FALSE;
  }
  if (tensor->num_dims != 4 || tensor->dims[0] != 1) return FALSE;
  for (gsize i = 0; i < 3; i++) {
    if (tensor->dims[i + 1] == 0 || padded[i] < tensor->dims[i + 1]) return FALSE;
  }
  if (!can_lie_in(layout, padded_height, padded_width, padded_channels)) return FALSE;
  if (!measure(tensor->data_type, 3, padded, &elements, &bytes) ||
      gst_buffer_get_size(tensor->data) < bytes) {
    return FALSE;
  }
  tensor->layout = layout;
  tensor->padded_height = padded_height;
  tensor->padded_width = padded_width;
  tensor->padded_channels = padded_channels;
  return TRUE;
}

/**
 * gst_quant_tensor_get_num_elements:
 * @tensor: a #GstQuantTensor
 *
 * Returns: the product of the dimensions, padding not counted; 1 where there are none
 *
 * Since: 0.1
 */
gsize gst_quant_tensor_get_num_elements(const GstQuantTensor* tensor) {
  gsize elements = 0;
  gsize bytes = 0;
  g_return_val_if_fail(tensor != NULL, 0);
  return measure(tensor->data_type, tensor->num_dims, tensor->dims, &elements, &bytes) ? elements
                                                                                       : 0;
}

/**
 * gst_quant_tensor_get_size:
 * @tensor: a #GstQuantTensor
 *
 * Returns: how many bytes the elements take in memory, a device's padding included; the data buffer
 *   holds at least as many
 *
 * Since: 0.1
 */
gsize gst_quant_tensor_get_size(const GstQuantTensor* tensor) {
  gsize elements = 0;
  gsize bytes = 0;
  g_return_val_if_fail(tensor != NULL, 0);
  const gsize padded[] = {tensor->padded_height, tensor->padded_width, tensor->padded_channels};
  const gboolean contiguous = tensor->layout == GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS;
  const gsize* sizes = contiguous ? tensor->dims : padded;
  return measure(tensor->data_type, contiguous ? tensor->num_dims : 3, sizes, &elements, &bytes)
             ? bytes
             : 0;
}

/**
 * gst_quant_tensor_role_get_nick:
 * @role: a #GstQuantTensorRole
 *
 * Returns: (transfer none): "input", "quantized", "dequantized" or "reference"
 *
 * Since: 0.1
 */
const gchar* gst_quant_tensor_role_get_nick(GstQuantTensorRole role) {
  switch (role) {
    case GST_QUANT_TENSOR_ROLE_INPUT:
      return "input";
    case GST_QUANT_TENSOR_ROLE_QUANTIZED:
      return "quantized";
    case GST_QUANT_TENSOR_ROLE_DEQUANTIZED:
      return "dequantized";
    case GST_QUANT_TENSOR_ROLE_REFERENCE:
      return "reference";
  }
  return "unknown";
}

/**
 * gst_quant_tensor_data_type_get_nick:
 * @data_type: a #GstQuantTensorDataType
 *
 * Returns: (transfer none): "uint8", "float32", …, the names that numpy uses
 *
 * Since: 0.1
 */
const gchar* gst_quant_tensor_data_type_get_nick(GstQuantTensorDataType data_type) {
  switch (data_type) {
    case GST_QUANT_TENSOR_DATA_TYPE_INT4:
      return "int4";
    case GST_QUANT_TENSOR_DATA_TYPE_INT8:
      return "int8";
    case GST_QUANT_TENSOR_DATA_TYPE_INT16:
      return "int16";
    case GST_QUANT_TENSOR_DATA_TYPE_INT32:
      return "int32";
    case GST_QUANT_TENSOR_DATA_TYPE_INT64:
      return "int64";
    case GST_QUANT_TENSOR_DATA_TYPE_UINT4:
      return "uint4";
    case GST_QUANT_TENSOR_DATA_TYPE_UINT8:
      return "uint8";
    case GST_QUANT_TENSOR_DATA_TYPE_UINT16:
      return "uint16";
    case GST_QUANT_TENSOR_DATA_TYPE_UINT32:
      return "uint32";
    case GST_QUANT_TENSOR_DATA_TYPE_UINT64:
      return "uint64";
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT16:
      return "float16";
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT32:
      return "float32";
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT64:
      return "float64";
    case GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16:
      return "bfloat16";
  }
  return "unknown";
}

/**
 * gst_quant_tensor_layout_get_nick:
 * @layout: a #GstQuantTensorLayout
 *
 * Returns: (transfer none): "contiguous", or the order as devices' documents write it: "NHWC",
 *   "FCR", …
 *
 * Since: 0.1
 */
const gchar* gst_quant_tensor_layout_get_nick(GstQuantTensorLayout layout) {
  switch (layout) {
    case GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS:
      return "contiguous";
    case GST_QUANT_TENSOR_LAYOUT_NHWC:
      return "NHWC";
    case GST_QUANT_TENSOR_LAYOUT_NHCW:
      return "NHCW";
    case GST_QUANT_TENSOR_LAYOUT_NCHW:
      return "NCHW";
    case GST_QUANT_TENSOR_LAYOUT_FCR:
      return "FCR";
    case GST_QUANT_TENSOR_LAYOUT_F8CR:
      return "F8CR";
    case GST_QUANT_TENSOR_LAYOUT_NHW:
      return "NHW";
    case GST_QUANT_TENSOR_LAYOUT_NC:
      return "NC";
  }
  return "unknown";
}
