// SPDX-License-Identifier: MIT
#include "quant/onnx/external_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

namespace quant {
namespace {

namespace fs = std::filesystem;

struct Location {
  std::string path;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

Result<std::uint64_t> parse_number(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("external data: {} is '{}', not a number of bytes", key, text));
  }
  return value;
}

Result<Location> parse_location(const onnx::TensorProto& proto) {
  Location location;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      location.path = entry.value();
    } else if (entry.key() == "offset") {
      QUANT_TRY_ASSIGN(location.offset, parse_number("offset", entry.value()));
    } else if (entry.key() == "length") {
      QUANT_TRY_ASSIGN(location.length, parse_number("length", entry.value()));
    }
  }
  if (location.path.empty()) {
    return fail(ErrorCode::kInvalidData, "external data without a location");
  }
  return location;
}

Result<fs::path> resolve(const std::string& location, const fs::path& directory) {
  const fs::path relative(location);
  const auto refused = [&](const char* reason) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("external data file '{}' {}", location, reason));
  };
  if (relative.is_absolute() || location.find('\0') != std::string::npos) {
    return refused("is not a relative path");
  }
  if (std::any_of(relative.begin(), relative.end(), [](const fs::path& p) { return p == ".."; })) {
    return refused("lies outside the model's directory");
  }
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the directory '{}' for external data cannot be opened: {}",
                            directory.string(), error.message()));
  }
  fs::path file = fs::canonical(root / relative, error);
  if (error) {
    return fail(ErrorCode::kNotFound,
                fmt::format("external data file '{}' cannot be opened: {}",
                            (directory / relative).string(), error.message()));
  }
  const auto [end, unused] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (end != root.end()) return refused("is a link that leads outside the model's directory");
  if (!fs::is_regular_file(file, error)) return refused("is not a regular file");
  return file;
}

}  // namespace

Result<std::vector<std::byte>> read_external_data(const onnx::TensorProto& proto,
                                                  const fs::path& directory,
                                                  std::uint64_t expected_bytes) {
  QUANT_TRY_ASSIGN(const Location location, parse_location(proto));
  if (directory.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the weights lie in the file '{}', but the model was read without its "
                            "directory",
                            location.path));
  }
  QUANT_TRY_ASSIGN(const fs::path file, resolve(location.path, directory));
  std::error_code error;
  const std::uint64_t file_bytes = fs::file_size(file, error);
  if (error) {
    return fail(ErrorCode::kIo,
                fmt::format("external data file '{}': {}", location.path, error.message()));
  }
  const std::uint64_t available = location.offset <= file_bytes ? file_bytes - location.offset : 0;
  const std::uint64_t length = location.length.value_or(available);
  if (location.offset > file_bytes || length > available) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("external data file '{}' has {} bytes, but the tensor is said to lie at "
                    "{} with {} bytes",
                    location.path, file_bytes, location.offset,
                    location.length ? std::to_string(length) : "unstated"));
  }
  if (length != expected_bytes) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("external data file '{}' holds {} bytes for this tensor, its shape needs {}",
                    location.path, length, expected_bytes));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(length));
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(location.offset));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream || stream.gcount() != static_cast<std::streamsize>(bytes.size())) {
    return fail(ErrorCode::kIo, fmt::format("cannot read external data file '{}'", location.path));
  }
  return bytes;
}

}  // namespace quant
