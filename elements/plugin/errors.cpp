// SPDX-License-Identifier: MIT
#include "plugin/errors.h"

namespace quant::element {

namespace {

GstErrorCode by_kind(ErrorCode code) {
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

}  // namespace

GstErrorCode gst_error_code(const FaultError& error) {
  if (!error.fault) return by_kind(error.code);
  switch (*error.fault) {
    case DeviceFault::kTimeout:
    case DeviceFault::kAborted:
    case DeviceFault::kDisconnected:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ};
    case DeviceFault::kQueueFull:
    case DeviceFault::kUnavailable:
    case DeviceFault::kBusy:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY};
    case DeviceFault::kDriverMissing:
    case DeviceFault::kVersionMismatch:
    case DeviceFault::kServiceFailed:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE};
    case DeviceFault::kOutOfMemory:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED};
    case DeviceFault::kNoDevice:
    case DeviceFault::kWrongArchitecture:
    case DeviceFault::kInvalidModel:
    case DeviceFault::kModelTooNew:
    case DeviceFault::kUnsupported:
    case DeviceFault::kInvalidUse:
    case DeviceFault::kOther:
      break;
  }
  return by_kind(error.code);
}

namespace {

void post(GstElement* element, GstMessageType type, const FaultError& error,
          const std::string& doing, const SourcePlace& where) {
  const GstErrorCode code = gst_error_code(error);
  // What shows information to people shows only its debug text.
  const std::string debug = type == GST_MESSAGE_INFO
                                ? error.text()
                                : std::string(to_string(error.code)) + " while " + doing;
  gst_element_message_full(element, type, code.domain, code.code, g_strdup(error.text().c_str()),
                           g_strdup(debug.c_str()), where.file, where.function, where.line);
}

}  // namespace

void post_error(GstElement* element, const FaultError& error, const std::string& doing,
                SourcePlace where) {
  post(element, GST_MESSAGE_ERROR, error, doing, where);
}

void post_warning(GstElement* element, const FaultError& error, const std::string& doing,
                  SourcePlace where) {
  post(element, GST_MESSAGE_WARNING, error, doing, where);
}

void post_info(GstElement* element, const FaultError& error, const std::string& doing,
               SourcePlace where) {
  post(element, GST_MESSAGE_INFO, error, doing, where);
}

}  // namespace quant::element
