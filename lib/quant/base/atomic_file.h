// SPDX-License-Identifier: MIT
// A file that appears complete under its name, or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "quant/base/result.h"

namespace quant {

// Writes to a temporary file in the folder of the target; commit() syncs it and renames it over the
// target. Without a commit the destructor removes the temporary file and the target stays as it
// was. One thread.
class AtomicFile {
 public:
  // Errors name the target: its folder is missing or not writable, or it exists and is no regular
  // file. A symbolic link is followed, so that the file it points to is replaced.
  static Result<AtomicFile> create(const std::filesystem::path& target);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Status write(std::span<const std::byte> bytes);
  // No write may follow.
  Status commit();

 private:
  AtomicFile(std::filesystem::path target, std::filesystem::path temporary, int descriptor);

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;  // -1 once committed or moved from
};

}  // namespace quant
