// SPDX-License-Identifier: MIT
// The one place where an error of the library becomes a message on the bus, and where C++
// exceptions end before they meet a C frame.
#pragma once

#include <gst/gst.h>

#include <exception>
#include <string>
#include <utility>

#include "quant/base/result.h"
#include "quant/device/device_error.h"

namespace quant::element {

// A place in the sources: std::source_location, which clang 14 lacks.
struct SourcePlace {
  const char* file = nullptr;
  const char* function = nullptr;
  int line = 0;
  // Of whoever calls this, or the function of whose arguments it is the default.
  static SourcePlace current(const char* file = __builtin_FILE(),
                             const char* function = __builtin_FUNCTION(),
                             int line = __builtin_LINE()) {
    return {file, function, line};
  }
};

struct GstErrorCode {
  GQuark domain = 0;
  gint code = 0;
};
// Error domain and code of GStreamer: by the fault of a device where there is one (a device that is
// lost, busy or not there is a resource), else by the kind of failure.
GstErrorCode gst_error_code(const FaultError& error);

// Posts one error message: the user reads the error's own sentence, a developer what the element
// was `doing` ("opening the model"). The caller returns its failure and posts nothing more.
// Thread-safe; the object lock must not be held.
void post_error(GstElement* element, const FaultError& error, const std::string& doing,
                SourcePlace where = SourcePlace::current());
// The same as a warning: the pipeline goes on.
void post_warning(GstElement* element, const FaultError& error, const std::string& doing,
                  SourcePlace where = SourcePlace::current());
// The same as an information: nothing is wrong (any more).
void post_info(GstElement* element, const FaultError& error, const std::string& doing,
               SourcePlace where = SourcePlace::current());

// Runs body(); an exception that leaves it (no memory, a bug) is posted, and `on_failure` returned.
template <typename T, typename Body>
T guarded(GstElement* element, T on_failure, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const std::exception& exception) {
    post_error(element, Error{ErrorCode::kInternal, exception.what(), {}}, "running");
    return on_failure;
  }
}

}  // namespace quant::element
