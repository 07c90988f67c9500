// SPDX-License-Identifier: MIT
// quanttee: measures, frame by frame, how far a quantized network lies from its float model.
#pragma once

#include "plugin/quant_transform.h"

G_BEGIN_DECLS

#define GST_TYPE_QUANT_TEE (gst_quant_tee_get_type())
G_DECLARE_FINAL_TYPE(GstQuantTee, gst_quant_tee, GST, QUANT_TEE, GstQuantTransform)

GST_ELEMENT_REGISTER_DECLARE(quanttee)

G_END_DECLS
