// SPDX-License-Identifier: MIT
// A whole file in memory, its size checked before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// Errors name the file: NotFound, InvalidArgument where it is no regular file (a folder, a device),
// OutOfRange beyond `max_bytes`, Io where reading fails or the file shrinks meanwhile.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path,
                                         std::uint64_t max_bytes);

// The checks of read_file alone; the size in bytes.
Result<std::uint64_t> regular_file_size(const std::filesystem::path& path);

}  // namespace quant
