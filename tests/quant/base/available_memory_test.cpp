// SPDX-License-Identifier: MIT
#include "quant/base/available_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "temporary_folder.h"

namespace quant {
namespace {

class AvailableMemoryFiles : public ::testing::Test {
 protected:
  void write(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(AvailableMemoryFiles, WhatTheSystemCanSpare) {
  write("proc/meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:   4000 kB\n");
  const auto available = available_memory(folder_.path());
  ASSERT_TRUE(available);
  EXPECT_EQ(available->bytes, 4000U * 1024);
  EXPECT_EQ(available->limit, "the memory that is free");
}

// The limit of a group holds for the groups in it; files in its cache can go.
TEST_F(AvailableMemoryFiles, ControlGroupsOfVersion2) {
  write("proc/meminfo", "MemAvailable: 4000 kB\n");
  write("proc/self/cgroup", "0::/work/inner\n");
  write("sys/fs/cgroup/work/memory.max", "2000000\n");
  write("sys/fs/cgroup/work/memory.current", "1500000\n");
  write("sys/fs/cgroup/work/memory.stat", "anon 1\ninactive_file 300000\n");
  write("sys/fs/cgroup/work/inner/memory.max", "max\n");
  write("sys/fs/cgroup/work/inner/memory.current", "1500000\n");
  const auto available = available_memory(folder_.path());
  ASSERT_TRUE(available);
  EXPECT_EQ(available->bytes, 800000U);
  EXPECT_EQ(available->limit, "the limit of the control group");
}

// In a container the path is often the host's, and only the root of the mount is there.
TEST_F(AvailableMemoryFiles, ControlGroupsOfVersion1InAContainer) {
  write("proc/self/cgroup", "5:cpu:/\n4:memory:/docker/0123\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1200000\n");
  write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 100000\n");
  const auto available = available_memory(folder_.path());
  ASSERT_TRUE(available);
  EXPECT_EQ(available->bytes, 0U);
}

TEST_F(AvailableMemoryFiles, NothingIsKnown) { EXPECT_FALSE(available_memory(folder_.path())); }

TEST(AvailableMemory, LimitOfTheProcess) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr std::uint64_t kMore = 64U << 20U;
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    file >> pages;
    const std::uint64_t used = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const rlimit limit = {used + kMore, used + kMore};
    setrlimit(RLIMIT_AS, &limit);
    const auto available = available_memory();
    const bool right = available && available->limit == "the limit of the process (ulimit -v)" &&
                       available->bytes > kMore / 2 && available->bytes <= kMore;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace quant
