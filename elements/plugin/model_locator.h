// SPDX-License-Identifier: MIT
// How an element comes to its model: named by its own property, else by a neighbour in the
// pipeline, else by the application.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <mutex>
#include <string>

#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant::element {

// Thread-safe.
class ModelLocator {
 public:
  // The element's own property; empty for none. Counts from the next reset() on.
  void set_path(std::string path);
  std::string path() const;

  // From GstElement::set_context: a model that a bin or the application hands in. Other types are
  // ignored.
  void set_context(GstContext* context);
  // Answers a CONTEXT query for a model, if this element knows one. Otherwise the query should
  // travel on.
  bool answer(GstQuery* query) const;

  // The model: asks the neighbours downstream of `element`, then upstream, then posts need-context.
  // Empty where nobody names one; what Model::open says where it cannot be opened. Keeps what it
  // found until reset().
  Result<std::shared_ptr<const Model>> find(GstElement* element);
  // Forgets what find() found, not what was set.
  void reset();

 private:
  std::string known_path() const;

  mutable std::mutex mutex_;
  std::string path_;
  std::string context_path_;    // handed in from outside
  std::string neighbour_path_;  // from a query
  std::shared_ptr<const Model> model_;
};

}  // namespace quant::element
