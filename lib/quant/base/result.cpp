// SPDX-License-Identifier: MIT
#include "quant/base/result.h"

namespace quant {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "InvalidArgument";
    case ErrorCode::kNotFound:
      return "NotFound";
    case ErrorCode::kInvalidData:
      return "InvalidData";
    case ErrorCode::kUnsupported:
      return "Unsupported";
    case ErrorCode::kOutOfRange:
      return "OutOfRange";
    case ErrorCode::kIo:
      return "Io";
    case ErrorCode::kUnavailable:
      return "Unavailable";
    case ErrorCode::kInternal:
      return "Internal";
  }
  return "Unknown";
}

std::string Error::text() const { return context.empty() ? message : context + ": " + message; }

tl::unexpected<Error> fail_with_context(Error error, const std::string& context) {
  if (error.context.empty()) {
    error.context = context;
  } else {
    error.context = context + ": " + error.context;
  }
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace quant
