// SPDX-License-Identifier: MIT
#include "quant/base/read_file.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

namespace quant {

Result<std::uint64_t> regular_file_size(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return status.type() == std::filesystem::file_type::not_found
               ? fail(ErrorCode::kNotFound, "no such file", path.string())
               : fail(ErrorCode::kIo, error.message(), path.string());
  }
  if (!std::filesystem::is_regular_file(status)) {
    return fail(ErrorCode::kInvalidArgument, "is not a regular file", path.string());
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorCode::kIo, error.message(), path.string());
  return static_cast<std::uint64_t>(size);
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                         std::uint64_t max_bytes) {
  QUANT_TRY_ASSIGN(const std::uint64_t size, regular_file_size(path));
  if (size > max_bytes) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("has {} bytes, the limit is {}", size, max_bytes), path.string());
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorCode::kIo, "cannot be opened for reading", path.string());
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!stream || stream.gcount() != static_cast<std::streamsize>(size)) {
    return fail(ErrorCode::kIo, "could not be read to its end", path.string());
  }
  return bytes;
}

}  // namespace quant
