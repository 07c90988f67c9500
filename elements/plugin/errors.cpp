// SPDX-License-Identifier: MIT
#include "plugin/errors.h"

namespace quant::element {

GstErrorCode gst_error_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case ErrorCode::kNotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case ErrorCode::kInvalidData:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case ErrorCode::kUnsupported:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_NOT_IMPLEMENTED};
    case ErrorCode::kOutOfRange:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case ErrorCode::kIo:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ};
    case ErrorCode::kUnavailable:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT};
    case ErrorCode::kInternal:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED};
  }
  return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED};
}

namespace {

void post(GstElement* element, GstMessageType type, const Error& error, const std::string& doing,
          const std::source_location& where) {
  const GstErrorCode code = gst_error_code(error.code);
  // What shows information to people shows only its debug text.
  const std::string debug = type == GST_MESSAGE_INFO
                                ? error.text()
                                : std::string(to_string(error.code)) + " while " + doing;
  gst_element_message_full(element, type, code.domain, code.code, g_strdup(error.text().c_str()),
                           g_strdup(debug.c_str()), where.file_name(), where.function_name(),
                           static_cast<gint>(where.line()));
}

}  // namespace

void post_error(GstElement* element, const Error& error, const std::string& doing,
                std::source_location where) {
  post(element, GST_MESSAGE_ERROR, error, doing, where);
}

void post_warning(GstElement* element, const Error& error, const std::string& doing,
                  std::source_location where) {
  post(element, GST_MESSAGE_WARNING, error, doing, where);
}

void post_info(GstElement* element, const Error& error, const std::string& doing,
               std::source_location where) {
  post(element, GST_MESSAGE_INFO, error, doing, where);
}

}  // namespace quant::element
