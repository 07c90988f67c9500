// SPDX-License-Identifier: MIT
#include "quant/base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

namespace quant {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> io_failure(const char* what, int error, const fs::path& target) {
  return fail(ErrorCode::kIo,
              fmt::format("{} failed: {}", what, std::generic_category().message(error)),
              target.string());
}

}  // namespace

AtomicFile::AtomicFile(fs::path target, fs::path temporary, int descriptor)
    : target_(std::move(target)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(const fs::path& target) {
  std::error_code error;
  fs::path real = target;
  if (fs::is_symlink(target, error)) {
    real = fs::weakly_canonical(target, error);
    if (error) return io_failure("following the link", error.value(), target);
  }
  // Renaming over a device (/dev/null as root) would replace it.
  const fs::file_status status = fs::status(real, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return fail(ErrorCode::kInvalidArgument, "exists and is not a regular file", target.string());
  }
  // Opened here and not by mkstemp, which would make it readable by its owner alone.
  static std::atomic<unsigned> counter = 0;
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    fs::path temporary = real;
    temporary += fmt::format(".{}-{}.part", ::getpid(), counter++);
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return AtomicFile(std::move(real), std::move(temporary), descriptor);
    if (errno != EEXIST) return io_failure("creating the file", errno, target);
  }
  return io_failure("creating the file", EEXIST, target);
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return io_failure("writing", errno, target_);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) return io_failure("writing", errno, target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return io_failure("renaming the finished file", errno, target_);
  }
  ::close(std::exchange(descriptor_, -1));
  // The rename itself survives a power cut only when the folder is synced; where that is refused
  // (some network file systems) the file is complete all the same.
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  const int folder_descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor >= 0) {
    ::fsync(folder_descriptor);
    ::close(folder_descriptor);
  }
  return {};
}

}  // namespace quant
