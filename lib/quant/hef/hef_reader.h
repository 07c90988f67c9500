// SPDX-License-Identifier: MIT
// Reads a HEF without the vendor's runtime. Files are untrusted: every length is checked, and
// neither memory nor time depend on more than the limits of keep_declared.h. Weights are never
// read, so the file's checksum, which covers them, is not verified.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant {

// By its first bytes. Errors as of regular_file_size.
Result<bool> is_hef_file(const std::filesystem::path& path);

// Reads header and messages from the disk. Errors name the file: those of regular_file_size, of
// parse_hef_header, of keep_declared, InvalidData of contradictory or damaged messages.
Result<HefFile> read_hef_file(const std::filesystem::path& path);

// The same of a file in memory.
Result<HefFile> read_hef(std::span<const std::byte> file);

}  // namespace quant
