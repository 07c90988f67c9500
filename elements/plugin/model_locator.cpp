// SPDX-License-Identifier: MIT
#include "plugin/model_locator.h"

#include <gst/quant/quant.h>

#include "plugin/gst_pointer.h"

namespace quant::element {

namespace {

// The path that somebody beyond the pads of that direction answers with; empty for nobody.
std::string ask(GstElement* element, GstPadDirection direction) {
  struct Question {
    GstPadDirection direction;
    std::string path;
  } question{direction, {}};
  const auto ask_peer = [](GstElement*, GstPad* pad, gpointer data) -> gboolean {
    auto& asked = *static_cast<Question*>(data);
    if (GST_PAD_DIRECTION(pad) != asked.direction) return TRUE;
    const GstPointer<GstQuery> query(gst_query_new_context(GST_QUANT_MODEL_CONTEXT_TYPE));
    if (!gst_pad_peer_query(pad, query.get())) return TRUE;
    GstContext* context = nullptr;
    gst_query_parse_context(query.get(), &context);
    const gchar* path = context ? gst_quant_model_context_get_path(context) : nullptr;
    if (path) asked.path = path;
    return asked.path.empty() ? TRUE : FALSE;
  };
  gst_element_foreach_pad(element, ask_peer, &question);
  return question.path;
}

}  // namespace

void ModelLocator::set_path(std::string path) {
  const std::lock_guard lock(mutex_);
  path_ = std::move(path);
}

std::string ModelLocator::path() const {
  const std::lock_guard lock(mutex_);
  return path_;
}

void ModelLocator::set_context(GstContext* context) {
  const gchar* path = context ? gst_quant_model_context_get_path(context) : nullptr;
  if (!path) return;
  const std::lock_guard lock(mutex_);
  context_path_ = path;
}

// The element's own word first, then its neighbours' (one pipeline can hold two models), then the
// bin's.
std::string ModelLocator::known_path() const {
  if (!path_.empty()) return path_;
  if (!neighbour_path_.empty()) return neighbour_path_;
  return context_path_;
}

bool ModelLocator::answer(GstQuery* query) const {
  const gchar* type = nullptr;
  if (!gst_query_parse_context_type(query, &type) ||
      g_strcmp0(type, GST_QUANT_MODEL_CONTEXT_TYPE) != 0) {
    return false;
  }
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = known_path();
  }
  if (path.empty()) return false;
  const GstPointer<GstContext> context(gst_quant_model_context_new(path.c_str()));
  gst_query_set_context(query, context.get());
  return true;
}

Result<std::shared_ptr<const Model>> ModelLocator::find(GstElement* element) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    if (model_) return model_;
    path = path_;
  }
  // No lock while the question travels: a neighbour may be asking back.
  if (path.empty()) path = ask(element, GST_PAD_SRC);
  if (path.empty()) path = ask(element, GST_PAD_SINK);
  const bool from_neighbour = !path.empty();
  if (path.empty()) {
    gst_element_post_message(
        element, gst_message_new_need_context(GST_OBJECT(element), GST_QUANT_MODEL_CONTEXT_TYPE));
    const std::lock_guard lock(mutex_);
    path = context_path_;
  }
  if (path.empty()) return std::shared_ptr<const Model>();
  QUANT_TRY_ASSIGN(auto model, Model::open(path));
  if (!model->input().is_image()) {
    return fail(ErrorCode::kUnsupported,
                "the model takes feature tensors, not frames; no element feeds it", path);
  }
  const std::lock_guard lock(mutex_);
  if (from_neighbour) neighbour_path_ = path;
  model_ = model;
  return model;
}

void ModelLocator::reset() {
  const std::lock_guard lock(mutex_);
  model_.reset();
  neighbour_path_.clear();
}

}  // namespace quant::element
