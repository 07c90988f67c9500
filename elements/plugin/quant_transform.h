// SPDX-License-Identifier: MIT
// GstQuantTransform: what all elements of this plugin share. Video passes through untouched, only
// its metadata grows; the model is found once for each run from READY to PAUSED and back.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <memory>

#include "quant/backend/model.h"
#include "quant/base/result.h"

G_BEGIN_DECLS

#define GST_TYPE_QUANT_TRANSFORM (gst_quant_transform_get_type())
G_DECLARE_DERIVABLE_TYPE(GstQuantTransform, gst_quant_transform, GST, QUANT_TRANSFORM,
                         GstBaseTransform)

struct _GstQuantTransformClass {
  GstBaseTransformClass parent_class;
};

G_END_DECLS

// Whether the element's own model property is set.
bool gst_quant_transform_names_model(GstQuantTransform* self);
// The model of this run; see ModelLocator::find. Empty where nobody names one. Posts nothing.
quant::Result<std::shared_ptr<const quant::Model>> gst_quant_transform_find_model(
    GstQuantTransform* self);
// The same for elements that cannot do without: NotFound where nobody names one.
quant::Result<std::shared_ptr<const quant::Model>> gst_quant_transform_require_model(
    GstQuantTransform* self);
