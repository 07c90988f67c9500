// SPDX-License-Identifier: MIT
#include "quant/base/atomic_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "quant/base/read_file.h"
#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const TemporaryFolder folder;
  auto file = AtomicFile::create(folder / "a");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write(bytes_of("one ")));
  ASSERT_TRUE(file->write(bytes_of("two")));
  EXPECT_FALSE(fs::exists(folder / "a"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content(folder / "a"), "one two");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(AtomicFile, LeavesTheOldContentWithoutCommit) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "old";
  {
    auto file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(bytes_of("new")));
  }
  EXPECT_EQ(content(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(AtomicFile, ReplacesWhatASymbolicLinkPointsTo) {
  const TemporaryFolder folder;
  std::ofstream(folder / "real") << "old";
  fs::create_symlink("real", folder / "link");
  auto file = AtomicFile::create(folder / "link");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write(bytes_of("new")));
  ASSERT_TRUE(file->commit());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(content(folder / "real"), "new");
}

TEST(AtomicFile, RefusesWhatItCannotReplace) {
  const TemporaryFolder folder;
  EXPECT_EQ(AtomicFile::create(folder.path()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(AtomicFile::create("/dev/null").error().code, ErrorCode::kInvalidArgument);
  const auto missing = AtomicFile::create(folder / "no" / "a");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_THAT(missing.error().text(), HasSubstr("no/a"));
}

TEST(ReadFile, ChecksKindAndSizeFirst) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "12345";
  EXPECT_EQ(read_file(folder / "a", 5)->size(), 5u);
  EXPECT_EQ(read_file(folder / "a", 4).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(read_file(folder / "b", 4).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file(folder.path(), 4).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_file("/dev/zero", 4).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace quant
