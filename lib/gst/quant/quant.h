// SPDX-License-Identifier: MIT
// Everything of libgstquant-1.0: the tensors and the signal-to-noise figures that ride on video
// buffers.
#ifndef GST_QUANT_H
#define GST_QUANT_H

#include "gst/quant/quant-model-context.h"
#include "gst/quant/quant-prelude.h"
#include "gst/quant/quant-snr-meta.h"
#include "gst/quant/quant-snr-record.h"
#include "gst/quant/quant-tensor-meta.h"
#include "gst/quant/quant-tensor.h"

#endif
