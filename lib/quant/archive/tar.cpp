// SPDX-License-Identifier: MIT
#include "quant/archive/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>

#include "quant/base/atomic_file.h"
#include "quant/base/read_file.h"

namespace quant {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{8} << 30;
constexpr std::size_t kMaxMembers = 65536;

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// The first failure of the file below a writer, which libarchive reports only as a failed write.
struct Sink {
  AtomicFile file;
  std::optional<Error> error;
};

la_ssize_t write_to_sink(archive* a, void* data, const void* bytes, std::size_t size) {
  Sink* const sink = static_cast<Sink*>(data);
  auto status = sink->file.write({static_cast<const std::byte*>(bytes), size});
  if (status) return static_cast<la_ssize_t>(size);
  sink->error = std::move(status).error();
  archive_set_error(a, EIO, "write failed");
  return -1;
}

const char* error_text(archive* a) {
  const char* const text = archive_error_string(a);
  return text == nullptr ? "unknown error" : text;
}

// The name to look a member up by, or what is wrong with the one that it has.
Result<std::string> checked_name(const char* pathname) {
  if (pathname == nullptr) return fail(ErrorCode::kInvalidData, "a member's name cannot be read");
  std::string_view name(pathname);
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidData, fmt::format("the member's name {}", why), pathname);
  };
  if (name.starts_with('/')) return refuse("is an absolute path");
  while (name.starts_with("./")) name.remove_prefix(2);
  std::string_view rest = name;
  while (!rest.empty()) {
    const std::size_t end = rest.find('/');
    if (rest.substr(0, end) == "..") return refuse("leads out of the archive");
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return std::string(name);
}

Result<std::vector<std::byte>> read_member(archive* reader, archive_entry* entry,
                                           std::uint64_t file_size) {
  const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
  if (archive_entry_size_is_set(entry) == 0 || archive_entry_size(entry) < 0 || size > file_size) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("claims {} bytes, the whole file has {}", size, file_size));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const la_ssize_t got = archive_read_data(reader, bytes.data() + done, bytes.size() - done);
    if (got < 0)
      return fail(ErrorCode::kInvalidData, fmt::format("cannot be read: {}", error_text(reader)));
    if (got == 0) return fail(ErrorCode::kInvalidData, "is cut short");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

Status write_tar(const std::filesystem::path& path, const std::vector<TarMember>& members) {
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  Sink sink{std::move(file), std::nullopt};
  const std::unique_ptr<archive, FreeWriter> writer(archive_write_new());
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  if (!writer || !entry)
    return fail(ErrorCode::kInternal, "libarchive has no memory", path.string());
  const auto failure = [&] {
    if (sink.error) return tl::unexpected(std::move(*sink.error));
    return fail(ErrorCode::kIo, error_text(writer.get()), path.string());
  };

  if (archive_write_set_format_ustar(writer.get()) != ARCHIVE_OK ||
      archive_write_open(writer.get(), &sink, nullptr, write_to_sink, nullptr) != ARCHIVE_OK) {
    return failure();
  }
  for (const TarMember& member : members) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), member.name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.bytes.size()));
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) return failure();
    const la_ssize_t written =
        archive_write_data(writer.get(), member.bytes.data(), member.bytes.size());
    if (written != static_cast<la_ssize_t>(member.bytes.size())) return failure();
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return failure();
  return sink.file.commit();
}

Result<std::map<std::string, std::vector<std::byte>>> read_tar(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(const std::uint64_t file_size, regular_file_size(path));
  if (file_size > kMaxFileBytes) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("has {} bytes, the limit is {}", file_size, kMaxFileBytes),
                path.string());
  }
  const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
  if (!reader) return fail(ErrorCode::kInternal, "libarchive has no memory", path.string());
  constexpr std::size_t kBlock = 64 * 1024;
  if (!std::ifstream(path))
    return fail(ErrorCode::kIo, "cannot be opened for reading", path.string());
  // No compression filter: a member can then never be larger than the file.
  if (archive_read_support_format_tar(reader.get()) != ARCHIVE_OK ||
      archive_read_open_filename(reader.get(), path.c_str(), kBlock) != ARCHIVE_OK) {
    return fail(ErrorCode::kInvalidData, "is not a .qar archive (no tar file)", path.string());
  }

  std::map<std::string, std::vector<std::byte>> members;
  std::uint64_t total = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return members;
    if (status != ARCHIVE_OK) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the archive is damaged: {}", error_text(reader.get())),
                  path.string());
    }
    auto name = checked_name(archive_entry_pathname(entry));
    if (!name) return fail_with_context(std::move(name).error(), path.string());
    const std::string context = fmt::format("{}: {}", path.string(), *name);
    const bool is_link =
        archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr;
    if (archive_entry_filetype(entry) == AE_IFDIR && !is_link) continue;
    if (archive_entry_filetype(entry) != AE_IFREG || is_link) {
      return fail(ErrorCode::kInvalidData, "the member is a link or device, not a file", context);
    }
    if (members.contains(*name)) {
      return fail(ErrorCode::kInvalidData, "two members have this name", context);
    }
    if (members.size() == kMaxMembers) {
      return fail(ErrorCode::kOutOfRange, fmt::format("has more than {} members", kMaxMembers),
                  path.string());
    }
    auto bytes = read_member(reader.get(), entry, file_size - total);
    if (!bytes) return fail_with_context(std::move(bytes).error(), context);
    total += bytes->size();
    members.emplace(std::move(*name), std::move(*bytes));
  }
}

}  // namespace quant
