// SPDX-License-Identifier: MIT
// quantdequantize: turns the raw integer outputs of a network into the float outputs of its model.
#pragma once

#include "plugin/quant_transform.h"

G_BEGIN_DECLS

#define GST_TYPE_QUANT_DEQUANTIZE (gst_quant_dequantize_get_type())
G_DECLARE_FINAL_TYPE(GstQuantDequantize, gst_quant_dequantize, GST, QUANT_DEQUANTIZE,
                     GstQuantTransform)

GST_ELEMENT_REGISTER_DECLARE(quantdequantize)

G_END_DECLS
