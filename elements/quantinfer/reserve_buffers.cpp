// SPDX-License-Identifier: MIT
#include "quantinfer/reserve_buffers.h"

#include <gst/video/video.h>

namespace quant::element {

void reserve_buffers(GstQuery* query, guint held) {
  const guint pools = gst_query_get_n_allocation_pools(query);
  for (guint i = 0; i < pools; ++i) {
    GstBufferPool* pool = nullptr;
    guint size = 0;
    guint least = 0;
    guint most = 0;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &least, &most);
    gst_query_set_nth_allocation_pool(query, i, pool, size, least + held, most ? most + held : 0);
    gst_clear_object(&pool);
  }
  GstVideoInfo info;
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (pools == 0 && caps && gst_video_info_from_caps(&info, caps)) {
    gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)),
                                  held, 0);
  }
}

}  // namespace quant::element
