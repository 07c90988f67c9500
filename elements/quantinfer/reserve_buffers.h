// SPDX-License-Identifier: MIT
// Upstream's pool has to have buffers left while some are on their way through a device.
#pragma once

#include <gst/gst.h>

namespace quant::element {

// So many more in every pool of the ALLOCATION query that is answered; one without a pool where it
// has none and is about raw video.
void reserve_buffers(GstQuery* query, guint held);

}  // namespace quant::element
