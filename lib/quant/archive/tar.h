// SPDX-License-Identifier: MIT
// A tar file as a list of named byte strings; nothing of it ever touches the file system under its
// own name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"

namespace quant {

struct TarMember {
  std::string name;  // relative, '/' between parts, ASCII, at most 100 characters
  std::span<const std::byte> bytes;
};

// Time 0, owner 0, mode 0644: equal members make equal files. The file appears complete or not at
// all.
Status write_tar(const std::filesystem::path& path, const std::vector<TarMember>& members);

// Only plain files under relative names without ".." (folders are passed over, a leading "./"
// dropped), each name once, no member larger than the file. Errors name the file and the member.
Result<std::map<std::string, std::vector<std::byte>>> read_tar(const std::filesystem::path& path);

}  // namespace quant
