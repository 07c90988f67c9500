// SPDX-License-Identifier: MIT
// Errors as values. Everything that a file, a model, an image or a device can cause is a Result;
// assertions are for this project's own bugs. The library never prints, aborts or throws as API.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace quant {

// What kind of failure; elements translate it to a GStreamer error domain, the command line to an
// exit code.
enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that cannot be (option, property, API use)
  kNotFound,         // a file, node, tensor or library is not there
  kInvalidData,      // a file or stream is damaged, hostile or of another format
  kUnsupported,      // well-formed, but this version cannot do it
  kOutOfRange,       // a size, index or value passes a limit
  kIo,               // reading or writing failed
  kUnavailable,      // an optional library or device is missing
  kInternal,         // a bug of ours, or of a library that we call
};

// The enumerator's name without its prefix, e.g. "NotFound".
const char* to_string(ErrorCode code);

// `message` is one sentence for a person; `context` names the file, node, tensor or property (may
// be empty).
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string context;

  // "context: message", or the message alone.
  std::string text() const;
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  using tl::expected<T, Error>::operator=;
};

using Status = Result<void>;

// The value to return where a Result is expected.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string context = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(context)});
}

// Passes on an error of an inner call; where it has no context yet, it gets this one.
tl::unexpected<Error> fail_with_context(Error error, const std::string& context);

}  // namespace quant

// Returns the error of `expression` (a Status or Result) from the enclosing function.
#define QUANT_TRY(expression)                                     \
  do {                                                            \
    if (auto quant_try_status = (expression); !quant_try_status)  \
      return tl::unexpected(std::move(quant_try_status).error()); \
  } while (false)

// Declares or assigns `target` from the Result `expression`, or returns its error.
#define QUANT_TRY_ASSIGN(target, expression) \
  QUANT_TRY_ASSIGN_NAMED(QUANT_CONCAT(quant_try_result_, __LINE__), target, expression)
#define QUANT_TRY_ASSIGN_NAMED(name, target, expression)     \
  auto name = (expression);                                  \
  if (!name) return tl::unexpected(std::move(name).error()); \
  target = std::move(*name)
#define QUANT_CONCAT(a, b) QUANT_CONCAT_INNER(a, b)
#define QUANT_CONCAT_INNER(a, b) a##b
