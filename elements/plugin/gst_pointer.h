// SPDX-License-Identifier: MIT
// Owners for the reference-counted C objects that the elements handle.
#pragma once

#include <gst/gst.h>
#include <gst/quant/quant.h>

#include <memory>

namespace quant::element {

struct Unref {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstBufferPool* pool) const {
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
  }
  void operator()(GstPad* pad) const { gst_object_unref(pad); }
  void operator()(GstQuery* query) const { gst_query_unref(query); }
  void operator()(GstContext* context) const { gst_context_unref(context); }
  void operator()(GstEvent* event) const { gst_event_unref(event); }
  void operator()(GstMiniObject* object) const { gst_mini_object_unref(object); }
  void operator()(GstQuantTensor* tensor) const { gst_quant_tensor_unref(tensor); }
  void operator()(GstQuantSnrRecord* record) const { gst_quant_snr_record_unref(record); }
};

template <typename T>
using GstPointer = std::unique_ptr<T, Unref>;

}  // namespace quant::element
