// SPDX-License-Identifier: MIT
#include "quant/optimize/finetune_checkpoint.h"

#include <cstring>
#include <string_view>

#include "quant/base/atomic_file.h"
#include "quant/base/read_file.h"

namespace quant {
namespace {

constexpr std::string_view kMagic = "gst-quant fine-tuning 1\n";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;
constexpr std::uint64_t kMostRank = 8;

class Writer {
 public:
  void bytes(std::span<const std::byte> data) {
    data_.insert(data_.end(), data.begin(), data.end());
  }
  template <typename T>
  void number(T value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  std::span<const std::byte> data() const { return data_; }

 private:
  std::vector<std::byte> data_;
};

// Nothing is read beyond the end: ok() turns false, and zeros come back.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> data) : data_(data) {}
  bool ok() const { return ok_; }
  std::size_t left() const { return data_.size(); }
  std::span<const std::byte> bytes(std::size_t count) {
    if (count > data_.size()) {
      ok_ = false;
      return {};
    }
    const auto result = data_.first(count);
    data_ = data_.subspan(count);
    return result;
  }
  template <typename T>
  T number() {
    T value{};
    const auto source = bytes(sizeof(T));
    if (ok_) std::memcpy(&value, source.data(), sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> data_;
  bool ok_ = true;
};

}  // namespace

void Fingerprint::add(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    hash_ ^= static_cast<std::uint64_t>(byte);
    hash_ *= 0x100000001b3;
  }
}

Status write_checkpoint(const std::filesystem::path& path, const FinetuneCheckpoint& checkpoint) {
  Writer writer;
  writer.bytes(std::as_bytes(std::span(kMagic)));
  writer.number(checkpoint.fingerprint);
  writer.number(checkpoint.epochs);
  writer.number(static_cast<std::uint64_t>(checkpoint.numbers.size()));
  for (const double value : checkpoint.numbers) writer.number(value);
  writer.number(static_cast<std::uint64_t>(checkpoint.tensors.size()));
  for (const Tensor& tensor : checkpoint.tensors) {
    writer.number(static_cast<std::uint64_t>(tensor.rank()));
    for (const std::int64_t dimension : tensor.shape()) writer.number(dimension);
    writer.bytes(std::span(tensor.raw(), tensor.bytes()));
  }
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  QUANT_TRY(file.write(writer.data()));
  return file.commit();
}

Result<FinetuneCheckpoint> read_checkpoint(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMostBytes));
  const auto damaged = [&] {
    return fail(ErrorCode::kInvalidData, "this is no checkpoint of a fine-tuning, or it is damaged",
                path.string());
  };
  Reader reader(bytes);
  const auto magic = reader.bytes(kMagic.size());
  if (!reader.ok() || std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0)
    return damaged();
  FinetuneCheckpoint result;
  result.fingerprint = reader.number<std::uint64_t>();
  result.epochs = reader.number<std::int64_t>();
  const auto numbers = reader.number<std::uint64_t>();
  if (numbers > reader.left() / sizeof(double)) return damaged();
  for (std::uint64_t i = 0; i < numbers; ++i) result.numbers.push_back(reader.number<double>());
  const auto tensors = reader.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < tensors && reader.ok(); ++i) {
    const auto rank = reader.number<std::uint64_t>();
    if (rank > kMostRank) return damaged();
    Shape shape;
    for (std::uint64_t axis = 0; axis < rank; ++axis)
      shape.push_back(reader.number<std::int64_t>());
    const auto elements = checked_element_count(shape);
    if (!reader.ok() || !elements ||
        static_cast<std::uint64_t>(*elements) > reader.left() / sizeof(float))
      return damaged();
    Tensor tensor(DataType::kFloat32, shape);
    const auto data = reader.bytes(tensor.bytes());
    if (!data.empty()) std::memcpy(tensor.raw(), data.data(), data.size());
    result.tensors.push_back(std::move(tensor));
  }
  if (!reader.ok() || reader.left() != 0 || result.epochs < 0) return damaged();
  return result;
}

}  // namespace quant
