// SPDX-License-Identifier: MIT
// quantinfer: runs the integer part of a quantized network on the input tensor of each frame.
#pragma once

#include "plugin/quant_transform.h"

G_BEGIN_DECLS

#define GST_TYPE_QUANT_INFER (gst_quant_infer_get_type())
G_DECLARE_FINAL_TYPE(GstQuantInfer, gst_quant_infer, GST, QUANT_INFER, GstQuantTransform)

GST_ELEMENT_REGISTER_DECLARE(quantinfer)

G_END_DECLS
