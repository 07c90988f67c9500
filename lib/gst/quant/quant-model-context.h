// SPDX-License-Identifier: MIT
// The GstContext by which an element learns from its neighbours which model a pipeline runs.
#ifndef GST_QUANT_MODEL_CONTEXT_H
#define GST_QUANT_MODEL_CONTEXT_H

#include "gst/quant/quant-prelude.h"

G_BEGIN_DECLS

/**
 * GST_QUANT_MODEL_CONTEXT_TYPE:
 *
 * Type of the context. Elements without a model of their own ask with a CONTEXT query, downstream
 * first, then upstream, and last with a need-context message, which an application can answer.
 *
 * Since: 0.1
 */
#define GST_QUANT_MODEL_CONTEXT_TYPE "gst.quant.model"

GST_QUANT_API
GstContext* gst_quant_model_context_new(const gchar* path);
GST_QUANT_API
const gchar* gst_quant_model_context_get_path(GstContext* context);

G_END_DECLS

#endif
