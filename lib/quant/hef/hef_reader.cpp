// SPDX-License-Identifier: MIT
#include "quant/hef/hef_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "hef_messages.pb.h"
#include "quant/base/read_file.h"
#include "quant/hef/extensions.h"
#include "quant/hef/hef_group.h"
#include "quant/hef/hef_names.h"
#include "quant/hef/keep_declared.h"

namespace quant {
namespace {

namespace pb = google::protobuf;
namespace messages = gst_quant_hef;

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int value() const { return value_; }

 private:
  int value_;
};

// Fewer bytes than asked for where the file ends.
Result<std::vector<std::byte>> read_start(const std::filesystem::path& path, int descriptor) {
  std::vector<std::byte> start(kLongestHefHeader);
  const ssize_t count = descriptor < 0 ? -1 : ::pread(descriptor, start.data(), start.size(), 0);
  if (count < 0) return fail(ErrorCode::kIo, std::generic_category().message(errno), path.string());
  start.resize(static_cast<std::size_t>(count));
  return start;
}

Result<messages::Root> read_root(pb::io::CodedInputStream& input, std::uint64_t bytes) {
  // Its default warns on standard error and stops before 2 GiB.
  input.SetTotalBytesLimit(std::numeric_limits<int>::max());
  const auto limit = input.PushLimit(static_cast<int>(bytes));
  QUANT_TRY_ASSIGN(const std::string kept, keep_declared(input, *messages::Root::descriptor()));
  input.PopLimit(limit);
  pb::io::CodedInputStream small(reinterpret_cast<const std::uint8_t*>(kept.data()),
                                 static_cast<int>(kept.size()));
  small.SetRecursionLimit(kMaxDepth + 1);
  messages::Root root;
  if (!root.ParseFromCodedStream(&small) || !small.ConsumedEntireMessage())
    return fail(ErrorCode::kInvalidData, "its messages are damaged");
  return root;
}

Result<HefFile> describe(const messages::Root& root, HefHeader header) {
  const messages::Compilation& compilation = root.compilation();
  HefFile file;
  file.header = std::move(header);
  file.format_version = compilation.format_version();
  file.architecture = hef_architecture_name(compilation.architecture());
  file.runs_on = hef_compatible_architectures(compilation.architecture());
  if (compilation.has_sdk_version()) {
    const messages::SdkVersion& version = compilation.sdk_version();
    file.sdk_version =
        fmt::format("{}.{}.{}", version.major(), version.minor(), version.revision());
  } else {
    QUANT_TRY_ASSIGN(file.sdk_version, text_of(compilation.sdk_text(), "the SDK's version"));
  }
  QUANT_TRY_ASSIGN(file.extensions, read_extensions(root));
  const HefRules rules = rules_of(file.extensions);
  for (const messages::Group& message : root.groups()) {
    QUANT_TRY_ASSIGN(HefGroup group, read_group(message, rules, compilation.architecture()));
    file.groups.push_back(std::move(group));
  }
  if (file.groups.empty()) return fail(ErrorCode::kInvalidData, "holds no network group");
  return file;
}

Result<HefFile> read(pb::io::CodedInputStream& input, HefHeader header) {
  QUANT_TRY_ASSIGN(const messages::Root root, read_root(input, header.message_bytes));
  return describe(root, std::move(header));
}

Result<HefFile> read_from_disk(const std::filesystem::path& path, int descriptor,
                               std::uint64_t file_bytes) {
  QUANT_TRY_ASSIGN(const auto start, read_start(path, descriptor));
  QUANT_TRY_ASSIGN(HefHeader header, parse_hef_header(start, file_bytes));
  if (::lseek(descriptor, static_cast<off_t>(header.header_bytes), SEEK_SET) < 0)
    return fail(ErrorCode::kIo, std::generic_category().message(errno));
  pb::io::FileInputStream stream(descriptor);
  pb::io::CodedInputStream input(&stream);
  return read(input, std::move(header));
}

}  // namespace

Result<bool> is_hef_file(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN([[maybe_unused]] const std::uint64_t size, regular_file_size(path));
  const Descriptor descriptor(path);
  QUANT_TRY_ASSIGN(const auto start, read_start(path, descriptor.value()));
  return starts_as_hef(start);
}

Result<HefFile> read_hef_file(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(const std::uint64_t size, regular_file_size(path));
  const Descriptor descriptor(path);
  auto file = read_from_disk(path, descriptor.value(), size);
  if (file) return file;
  Error error = std::move(file).error();
  error.context = error.context.empty() || error.context == path.string()
                      ? path.string()
                      : path.string() + ", " + error.context;
  return tl::unexpected(std::move(error));
}

Result<HefFile> read_hef(std::span<const std::byte> file) {
  QUANT_TRY_ASSIGN(
      HefHeader header,
      parse_hef_header(file.first(std::min(file.size(), kLongestHefHeader)), file.size()));
  const auto parts = file.subspan(header.header_bytes, header.message_bytes);
  pb::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(parts.data()),
                                 static_cast<int>(parts.size()));
  return read(input, std::move(header));
}

}  // namespace quant
