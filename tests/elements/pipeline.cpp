// SPDX-License-Identifier: MIT
#include "elements/pipeline.h"

#include <gtest/gtest.h>

namespace quant::testing {

Pipeline::Pipeline(const std::string& launch_line) {
  GError* error = nullptr;
  pipeline_ = gst_parse_launch(launch_line.c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_error_free(error);
  }
}

Pipeline::~Pipeline() {
  if (!pipeline_) return;
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(pipeline_);
}

GstElement* Pipeline::element(const std::string& name) {
  GstElement* found = gst_bin_get_by_name(GST_BIN(pipeline_), name.c_str());
  EXPECT_TRUE(found) << name;
  if (found) gst_object_unref(found);
  return found;
}

void Pipeline::keep_buffers(const std::string& element_name, const std::string& pad_name) {
  GstPad* pad = gst_element_get_static_pad(element(element_name), pad_name.c_str());
  ASSERT_TRUE(pad) << pad_name;
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer self) {
        auto* pipeline = static_cast<Pipeline*>(self);
        const std::lock_guard lock(pipeline->mutex_);
        pipeline->buffers_.emplace_back(gst_buffer_ref(GST_PAD_PROBE_INFO_BUFFER(info)));
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
  gst_object_unref(pad);
}

std::vector<GstBuffer*> Pipeline::buffers() {
  const std::lock_guard lock(mutex_);
  std::vector<GstBuffer*> result;
  for (const auto& buffer : buffers_) result.push_back(buffer.get());
  return result;
}

void Pipeline::forget_buffers() {
  const std::lock_guard lock(mutex_);
  buffers_.clear();
}

bool Pipeline::set_state(GstState state) {
  if (gst_element_set_state(pipeline_, state) == GST_STATE_CHANGE_FAILURE) return false;
  return gst_element_get_state(pipeline_, nullptr, nullptr, 30 * GST_SECOND) !=
         GST_STATE_CHANGE_FAILURE;
}

bool Pipeline::run() {
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  return wait();
}

// True where nothing more is to come.
bool Pipeline::handle(GstMessage* message) {
  GError* error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &error, nullptr);
    if (error_.empty()) {
      error_ = error->message;
      error_domain_ = error->domain;
      error_code_ = error->code;
    }
    g_error_free(error);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning(message, &error, nullptr);
    warning_ = error->message;
    ++warnings_;
    g_error_free(error);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
    messages_.emplace_back(GST_MINI_OBJECT_CAST(gst_message_ref(message)));
  }
  return GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS ||
         GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
}

bool Pipeline::wait(GstClockTime timeout) {
  GstBus* bus = gst_element_get_bus(pipeline_);
  bool ended = false;
  bool eos = false;
  while (!ended) {
    GstMessage* message = gst_bus_timed_pop(bus, timeout);
    if (!message) break;
    ended = handle(message);
    eos = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return eos;
}

bool Pipeline::wait_for(const std::string& message_name, GstClockTime timeout) {
  GstBus* bus = gst_element_get_bus(pipeline_);
  bool found = false;
  while (!found) {
    GstMessage* message = gst_bus_timed_pop(bus, timeout);
    if (!message) break;
    const bool ended = handle(message);
    const GstStructure* structure = gst_message_get_structure(message);
    found = structure && gst_structure_has_name(structure, message_name.c_str());
    gst_message_unref(message);
    if (ended) break;
  }
  gst_object_unref(bus);
  return found;
}

const std::vector<const GstStructure*> Pipeline::messages(const std::string& name) {
  std::vector<const GstStructure*> result;
  for (const auto& message : messages_) {
    const GstStructure* structure =
        gst_message_get_structure(GST_MESSAGE_CAST(static_cast<void*>(message.get())));
    if (gst_structure_has_name(structure, name.c_str())) result.push_back(structure);
  }
  return result;
}

}  // namespace quant::testing
