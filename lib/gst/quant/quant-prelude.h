// SPDX-License-Identifier: MIT
// Symbol visibility of libgstquant-1.0.
#ifndef GST_QUANT_PRELUDE_H
#define GST_QUANT_PRELUDE_H

#include <gst/gst.h>

#ifdef BUILDING_GST_QUANT
#define GST_QUANT_API GST_API_EXPORT
#else
#define GST_QUANT_API GST_API_IMPORT
#endif

#endif
