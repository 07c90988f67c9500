// SPDX-License-Identifier: MIT
// quantnormalize: makes the input tensor of a network from each video frame and hangs it on the
// frame.
#pragma once

#include "plugin/quant_transform.h"

G_BEGIN_DECLS

#define GST_TYPE_QUANT_NORMALIZE (gst_quant_normalize_get_type())
G_DECLARE_FINAL_TYPE(GstQuantNormalize, gst_quant_normalize, GST, QUANT_NORMALIZE,
                     GstQuantTransform)

GST_ELEMENT_REGISTER_DECLARE(quantnormalize)

G_END_DECLS
