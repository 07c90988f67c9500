// SPDX-License-Identifier: MIT
// How much memory this process may still take, before it takes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quant {

struct AvailableMemory {
  std::uint64_t bytes = 0;
  std::string limit;  // which one binds: "memory that is free", …
};

// The least of what the system has to spare without swapping (MemAvailable), what the control
// groups of the process leave (versions 1 and 2; cached files count as free) and what RLIMIT_AS
// leaves of its address space. Nothing where the system tells none of them. `root` is where /proc
// and /sys are looked for.
std::optional<AvailableMemory> available_memory(const std::filesystem::path& root = "/");

}  // namespace quant
