// SPDX-License-Identifier: MIT
#include "quant/archive/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include <fstream>
#include <string_view>

#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

// A tar as somebody else could have made it.
class TarMaker {
 public:
  explicit TarMaker(const fs::path& path) : writer_(archive_write_new()) {
    archive_write_set_format_pax_restricted(writer_);
    archive_write_open_filename(writer_, path.c_str());
  }
  ~TarMaker() { archive_write_free(writer_); }
  TarMaker(const TarMaker&) = delete;
  TarMaker& operator=(const TarMaker&) = delete;

  void add(const char* name, std::string_view content, int type = AE_IFREG,
           const char* link = nullptr) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, static_cast<unsigned>(type));
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    if (link != nullptr && type == AE_IFLNK) archive_entry_set_symlink(entry, link);
    if (link != nullptr && type == AE_IFREG) archive_entry_set_hardlink(entry, link);
    ASSERT_EQ(archive_write_header(writer_, entry), ARCHIVE_OK);
    archive_write_data(writer_, content.data(), content.size());
    archive_entry_free(entry);
  }

 private:
  archive* writer_;
};

std::string error_of(const fs::path& path) {
  const auto members = read_tar(path);
  return members ? "no error" : members.error().text();
}

TEST(Tar, WritesAndReadsMembersOfAnySize) {
  const TemporaryFolder folder;
  const std::vector<std::byte> large(300000, std::byte{7});
  ASSERT_TRUE(write_tar(
      folder / "a", {{"empty", {}}, {"params/large", large}, {"one", std::span(large).first(1)}}));
  const auto members = read_tar(folder / "a");
  ASSERT_TRUE(members) << members.error().text();
  ASSERT_EQ(members->size(), 3u);
  EXPECT_TRUE(members->at("empty").empty());
  EXPECT_EQ(members->at("params/large"), large);
  EXPECT_EQ(members->at("one").size(), 1u);
}

TEST(Tar, PassesOverFoldersAndDropsTheLeadingDot) {
  const TemporaryFolder folder;
  {
    TarMaker tar(folder / "a");
    tar.add("./", "", AE_IFDIR);
    tar.add("./params/", "", AE_IFDIR);
    tar.add("./params/x", "1");
  }
  const auto members = read_tar(folder / "a");
  ASSERT_TRUE(members) << members.error().text();
  ASSERT_EQ(members->size(), 1u);
  EXPECT_TRUE(members->contains("params/x"));
}

TEST(Tar, RefusesHostileMembersByName) {
  struct Case {
    const char* name;
    int type;
    const char* link;
    const char* expected;
  };
  const Case cases[] = {
      {"/etc/passwd", AE_IFREG, nullptr, "absolute"},
      {"../up", AE_IFREG, nullptr, "leads out"},
      {"params/../../up", AE_IFREG, nullptr, "leads out"},
      {"params/..", AE_IFREG, nullptr, "leads out"},
      {"soft", AE_IFLNK, "/etc/passwd", "link or device"},
      {"hard", AE_IFREG, "good", "link or device"},
      {"fifo", AE_IFIFO, nullptr, "link or device"},
      {"device", AE_IFCHR, nullptr, "link or device"},
      {"good", AE_IFREG, nullptr, "two members"},
      {"./good", AE_IFREG, nullptr, "two members"},
  };
  for (const Case& hostile : cases) {
    SCOPED_TRACE(hostile.name);
    const TemporaryFolder folder;
    {
      TarMaker tar(folder / "a");
      tar.add("good", "1");
      tar.add(hostile.name, "", hostile.type, hostile.link);
    }
    const std::string error = error_of(folder / "a");
    EXPECT_THAT(error, HasSubstr(hostile.expected));
    EXPECT_THAT(error, HasSubstr(fs::path(hostile.name).filename().string()));
  }
}

// The size field says 1 GiB, the file has 1 KiB: nothing may be allocated for it.
TEST(Tar, ChecksSizesAgainstTheFile) {
  const TemporaryFolder folder;
  const std::vector<std::byte> content(16, std::byte{1});
  ASSERT_TRUE(write_tar(folder / "a", {{"x", content}}));
  std::fstream file(folder / "a", std::ios::in | std::ios::out | std::ios::binary);
  std::string header(512, '\0');
  file.read(header.data(), 512);
  header.replace(124, 11, "10000000000");
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char octal[8];
  std::snprintf(octal, sizeof(octal), "%06o", sum);
  header.replace(148, 7, std::string(octal, 7));
  file.seekp(0);
  file.write(header.data(), 512);
  file.close();
  EXPECT_THAT(error_of(folder / "a"), HasSubstr("claims 1073741824 bytes"));
}

}  // namespace
}  // namespace quant
