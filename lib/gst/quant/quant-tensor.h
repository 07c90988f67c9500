// SPDX-License-Identifier: MIT
// GstQuantTensor: one tensor of a network with what its numbers mean. Field for field a superset of
// GStreamer 1.26's GstTensor, which has no place for scales and zero points.
#ifndef GST_QUANT_TENSOR_H
#define GST_QUANT_TENSOR_H

#include "gst/quant/quant-prelude.h"

G_BEGIN_DECLS

/**
 * GstQuantTensorDataType:
 * @GST_QUANT_TENSOR_DATA_TYPE_INT4: signed 4 bit integer, two to a byte
 * @GST_QUANT_TENSOR_DATA_TYPE_INT8: signed 8 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_INT16: signed 16 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_INT32: signed 32 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_INT64: signed 64 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_UINT4: unsigned 4 bit integer, two to a byte
 * @GST_QUANT_TENSOR_DATA_TYPE_UINT8: unsigned 8 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_UINT16: unsigned 16 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_UINT32: unsigned 32 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_UINT64: unsigned 64 bit integer
 * @GST_QUANT_TENSOR_DATA_TYPE_FLOAT16: IEEE half precision
 * @GST_QUANT_TENSOR_DATA_TYPE_FLOAT32: IEEE single precision
 * @GST_QUANT_TENSOR_DATA_TYPE_FLOAT64: IEEE double precision
 * @GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16: upper half of a single
 *
 * Type of one element, in the byte order of the machine. The numbers are those of GStreamer's
 * GstTensorDataType.
 *
 * Since: 0.1
 */
typedef enum {
  GST_QUANT_TENSOR_DATA_TYPE_INT4,
  GST_QUANT_TENSOR_DATA_TYPE_INT8,
  GST_QUANT_TENSOR_DATA_TYPE_INT16,
  GST_QUANT_TENSOR_DATA_TYPE_INT32,
  GST_QUANT_TENSOR_DATA_TYPE_INT64,
  GST_QUANT_TENSOR_DATA_TYPE_UINT4,
  GST_QUANT_TENSOR_DATA_TYPE_UINT8,
  GST_QUANT_TENSOR_DATA_TYPE_UINT16,
  GST_QUANT_TENSOR_DATA_TYPE_UINT32,
  GST_QUANT_TENSOR_DATA_TYPE_UINT64,
  GST_QUANT_TENSOR_DATA_TYPE_FLOAT16,
  GST_QUANT_TENSOR_DATA_TYPE_FLOAT32,
  GST_QUANT_TENSOR_DATA_TYPE_FLOAT64,
  GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16
} GstQuantTensorDataType;

/**
 * GstQuantTensorDimOrder:
 * @GST_QUANT_TENSOR_DIM_ORDER_ROW_MAJOR: the last dimension is consecutive in memory
 * @GST_QUANT_TENSOR_DIM_ORDER_COL_MAJOR: the first dimension is consecutive in memory
 *
 * Since: 0.1
 */
typedef enum {
  GST_QUANT_TENSOR_DIM_ORDER_ROW_MAJOR,
  GST_QUANT_TENSOR_DIM_ORDER_COL_MAJOR
} GstQuantTensorDimOrder;

/**
 * GstQuantTensorLayout:
 * @GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS: dense, without padding between elements, rows or planes
 * @GST_QUANT_TENSOR_LAYOUT_NHWC: a device's [height][width][channels]
 * @GST_QUANT_TENSOR_LAYOUT_NHCW: a device's [height][channels][width]
 * @GST_QUANT_TENSOR_LAYOUT_NCHW: a device's [channels][height][width]
 * @GST_QUANT_TENSOR_LAYOUT_FCR: as NHWC, under the name that Hailo gives it
 * @GST_QUANT_TENSOR_LAYOUT_F8CR: a device's [height][channels / 8][width][8]
 * @GST_QUANT_TENSOR_LAYOUT_NHW: a device's [height][width], one channel
 * @GST_QUANT_TENSOR_LAYOUT_NC: a device's [channels], one pixel
 *
 * How the elements lie in memory. All but CONTIGUOUS are memory as a device left it: the dimensions
 * are 1 × height × width × channels whatever their order in memory is, and @padded_height,
 * @padded_width and @padded_channels say how much of each lies there; what exceeds the dimensions
 * is padding of undefined content.
 *
 * Since: 0.1
 */
typedef enum {
  GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS,
  GST_QUANT_TENSOR_LAYOUT_NHWC,
  GST_QUANT_TENSOR_LAYOUT_NHCW,
  GST_QUANT_TENSOR_LAYOUT_NCHW,
  GST_QUANT_TENSOR_LAYOUT_FCR,
  GST_QUANT_TENSOR_LAYOUT_F8CR,
  GST_QUANT_TENSOR_LAYOUT_NHW,
  GST_QUANT_TENSOR_LAYOUT_NC
} GstQuantTensorLayout;

/**
 * GstQuantTensorRole:
 * @GST_QUANT_TENSOR_ROLE_INPUT: what the network saw: uint8, dims 1 × height × width × channels
 * @GST_QUANT_TENSOR_ROLE_QUANTIZED: a raw output of the integer part, with its scale and zero point
 * @GST_QUANT_TENSOR_ROLE_DEQUANTIZED: an output of the whole network, float32 in real units
 * @GST_QUANT_TENSOR_ROLE_REFERENCE: the same output computed by the float model, float32
 *
 * Which step of the pipeline made a tensor.
 *
 * Since: 0.1
 */
typedef enum {
  GST_QUANT_TENSOR_ROLE_INPUT,
  GST_QUANT_TENSOR_ROLE_QUANTIZED,
  GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
  GST_QUANT_TENSOR_ROLE_REFERENCE
} GstQuantTensorRole;

/**
 * GST_QUANT_TENSOR_MAX_DIMS:
 *
 * The most dimensions that a tensor can have.
 *
 * Since: 0.1
 */
#define GST_QUANT_TENSOR_MAX_DIMS 16

typedef struct _GstQuantTensor GstQuantTensor;

/**
 * GstQuantTensor:
 * @id: the quark of @name, by which tensors are looked up
 * @layout: how the elements lie in @data; whoever reads them without knowing device layouts must
 * refuse all but CONTIGUOUS
 * @data_type: type of one element
 * @data: the elements; may be shared with other buffers, so it is only ever read
 * @dims_order: which dimension is consecutive in memory
 * @num_dims: how many of @dims count; 0 for a single number
 * @dims: sizes in elements, batch included, in the axes of the ONNX model (the input: N, H, W, C);
 *   in a device's layout always 1, height, width, channels
 * @name: the tensor's name in the ONNX model; interned
 * @role: which step made it
 * @source: who computed the numbers, e.g. "emulator" or "ONNX Runtime 1.17.0"; interned; %NULL =
 * not said
 * @num_scales: 0 = the scale is unknown or there is none (floats); 1 = one for the whole tensor;
 *   else one for every index along @axis
 * @scale: (array length=num_scales) (nullable): real units per step, never 0:
 *   real = (q − zero_point) × scale
 * @zero_point: (array length=num_scales) (nullable): the integer that stands for 0.0; may have a
 *   fraction at the edges of a device
 * @axis: dimension along which @scale varies; −1 where one scale, or none, covers the tensor
 * @has_range: whether @range_min and @range_max are known
 * @range_min: least real value that calibration allows for, in real units
 * @range_max: greatest real value that calibration allows for, in real units
 * @region: for the role input, where the whole video frame lies in the tensor, in elements: what
 *   it does not cover is letterbox border; of a cropped frame it begins before 0 and reaches beyond
 *   the tensor. All zero for other roles
 * @padded_height: rows that lie in memory in a device's layout, in elements; 0 where contiguous
 * @padded_width: columns that lie there
 * @padded_channels: channels that lie there
 *
 * A tensor. Constant from the moment it is attached to a buffer; shared by reference from there on.
 *
 * Since: 0.1
 */
struct _GstQuantTensor {
  GQuark id;
  GstQuantTensorLayout layout;
  GstQuantTensorDataType data_type;
  GstBuffer* data;
  GstQuantTensorDimOrder dims_order;
  gsize num_dims;
  gsize dims[GST_QUANT_TENSOR_MAX_DIMS];

  const gchar* name;
  GstQuantTensorRole role;
  const gchar* source;
  gsize num_scales;
  gfloat* scale;
  gfloat* zero_point;
  gint axis;
  gboolean has_range;
  gfloat range_min;
  gfloat range_max;
  struct {
    gint x, y;
    guint width, height;
  } region;
  gsize padded_height;
  gsize padded_width;
  gsize padded_channels;

  /*< private >*/
  gint ref_count;
  gpointer _gst_reserved[GST_PADDING - 3];
};

GST_QUANT_API
GType gst_quant_tensor_get_type(void);
#define GST_TYPE_QUANT_TENSOR (gst_quant_tensor_get_type())

GST_QUANT_API
GstQuantTensor* gst_quant_tensor_new(const gchar* name, GstQuantTensorRole role,
                                     GstQuantTensorDataType data_type, GstBuffer* data,
                                     gsize num_dims, const gsize* dims);
GST_QUANT_API
GstQuantTensor* gst_quant_tensor_ref(GstQuantTensor* tensor);
GST_QUANT_API
void gst_quant_tensor_unref(GstQuantTensor* tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstQuantTensor, gst_quant_tensor_unref)

GST_QUANT_API
gboolean gst_quant_tensor_set_quantization(GstQuantTensor* tensor, gsize num_scales,
                                           const gfloat* scale, const gfloat* zero_point,
                                           gint axis);
GST_QUANT_API
void gst_quant_tensor_set_range(GstQuantTensor* tensor, gfloat range_min, gfloat range_max);
GST_QUANT_API
void gst_quant_tensor_set_source(GstQuantTensor* tensor, const gchar* source);
GST_QUANT_API
void gst_quant_tensor_set_region(GstQuantTensor* tensor, gint x, gint y, guint width, guint height);

GST_QUANT_API
gboolean gst_quant_tensor_set_device_layout(GstQuantTensor* tensor, GstQuantTensorLayout layout,
                                            gsize padded_height, gsize padded_width,
                                            gsize padded_channels);

GST_QUANT_API
gsize gst_quant_tensor_get_num_elements(const GstQuantTensor* tensor);
GST_QUANT_API
gsize gst_quant_tensor_get_size(const GstQuantTensor* tensor);
GST_QUANT_API
const gchar* gst_quant_tensor_role_get_nick(GstQuantTensorRole role);
GST_QUANT_API
const gchar* gst_quant_tensor_data_type_get_nick(GstQuantTensorDataType data_type);
GST_QUANT_API
const gchar* gst_quant_tensor_layout_get_nick(GstQuantTensorLayout layout);

G_END_DECLS

#endif
