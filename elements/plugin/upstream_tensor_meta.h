// SPDX-License-Identifier: MIT
// The same float tensors under the type that GStreamer itself has from 1.26 on, for its tensor
// decoders.
#pragma once

#include <span>

#include "plugin/gst_pointer.h"

namespace quant::element {

// Attaches one GstTensorMeta with all `tensors`, sharing their memory. Does nothing where one of
// them is in a device's layout, for which that type has no name, where this was built against an
// older GStreamer, or where the buffer has such a meta already: before 1.26.6 there may be one
// only.
void attach_upstream_tensors(GstBuffer* buffer,
                             std::span<const GstPointer<GstQuantTensor>> tensors);

}  // namespace quant::element
