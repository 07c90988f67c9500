// SPDX-License-Identifier: MIT
#include "quant/base/available_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string_view>

namespace quant {
namespace {

namespace fs = std::filesystem;

// The first number of a file; nothing where there is none ("max").
std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

// The number behind a word that begins a line.
std::optional<std::uint64_t> number_behind(const fs::path& path, std::string_view word) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string first;
    std::uint64_t value = 0;
    if (words >> first && first == word && words >> value) return value;
  }
  return std::nullopt;
}

std::uint64_t left_of(std::uint64_t limit, std::uint64_t used) {
  return limit > used ? limit - used : 0;
}

class Least {
 public:
  void add(std::optional<std::uint64_t> bytes, const char* limit) {
    if (bytes && (!result || *bytes < result->bytes)) result = AvailableMemory{*bytes, limit};
  }
  std::optional<AvailableMemory> result;
};

struct GroupFiles {
  const char* limit;
  const char* used;
  const char* cached;  // in memory.stat: what the kernel takes back where it needs to
};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                  "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file"};

std::optional<std::uint64_t> left_in_group(const fs::path& group, const GroupFiles& files) {
  const auto limit = number_in(group / files.limit);
  const auto used = number_in(group / files.used);
  if (!limit || !used) return std::nullopt;
  const std::uint64_t cached = number_behind(group / "memory.stat", files.cached).value_or(0);
  return left_of(*limit, left_of(*used, cached));
}

// A group's limit holds for all groups in it. Inside a container the path may be that of the host:
// then only the mounted root is there.
void add_groups(const fs::path& mount, std::string path, const GroupFiles& files, Least& least) {
  for (;;) {
    least.add(left_in_group(mount / fs::path(path).relative_path(), files),
              "the limit of the control group");
    if (path.empty() || path == "/") return;
    path = fs::path(path).parent_path().string();
  }
}

void add_control_groups(const fs::path& root, Least& least) {
  std::ifstream file(root / "proc/self/cgroup");
  std::string line;  // number:controllers:path
  while (std::getline(file, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) add_groups(root / "sys/fs/cgroup", path, kVersion2, least);
    if (controllers == "memory") add_groups(root / "sys/fs/cgroup/memory", path, kVersion1, least);
  }
}

std::optional<std::uint64_t> left_of_address_space(const fs::path& root) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  const auto pages = number_in(root / "proc/self/statm");
  const long page = sysconf(_SC_PAGESIZE);
  if (!pages || page <= 0) return std::nullopt;
  return left_of(limit.rlim_cur, *pages * static_cast<std::uint64_t>(page));
}

}  // namespace

std::optional<AvailableMemory> available_memory(const fs::path& root) {
  Least least;
  if (const auto kilobytes = number_behind(root / "proc/meminfo", "MemAvailable:"))
    least.add(*kilobytes * 1024, "the memory that is free");
  add_control_groups(root, least);
  least.add(left_of_address_space(root), "the limit of the process (ulimit -v)");
  return least.result;
}

}  // namespace quant
