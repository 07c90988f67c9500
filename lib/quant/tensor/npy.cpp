// SPDX-License-Identifier: MIT
#include "quant/tensor/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "quant/base/atomic_file.h"
#include "quant/base/read_file.h"

namespace quant {
namespace {

static_assert(std::endian::native == std::endian::little, ".npy is written in memory order");

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kPreambleV1 = 10;  // magic, version, 16-bit header length
constexpr std::size_t kPreambleV2 = 12;  // the same with a 32-bit length
// numpy's own headers have 118 bytes; the limit keeps a hostile length from being believed.
constexpr std::size_t kMaxHeader = 64 * 1024;
constexpr std::size_t kMaxRank = 32;

struct Header {
  DataType type = DataType::kFloat32;
  Shape shape;
  std::uint64_t data_offset = 0;
};

struct TypeCode {
  DataType type;
  std::string_view code;  // numpy's, without the byte order
};
constexpr std::array kTypeCodes = {
    TypeCode{DataType::kFloat32, "f4"}, TypeCode{DataType::kFloat64, "f8"},
    TypeCode{DataType::kUint8, "u1"},   TypeCode{DataType::kInt8, "i1"},
    TypeCode{DataType::kUint16, "u2"},  TypeCode{DataType::kInt16, "i2"},
    TypeCode{DataType::kUint32, "u4"},  TypeCode{DataType::kInt32, "i4"},
    TypeCode{DataType::kUint64, "u8"},  TypeCode{DataType::kInt64, "i8"},
    TypeCode{DataType::kBool, "b1"}};

// Reads the header's Python literal: a dictionary of a string, a truth value and a tuple of
// integers.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<Header> parse() {
    if (!take('{')) return malformed();
    while (!take('}')) {
      QUANT_TRY(parse_entry());
      if (!take(',') && peek() != '}') return malformed();
    }
    if (!descr_ || !fortran_ || !shape_) {
      return fail(ErrorCode::kInvalidData, ".npy header lacks descr, fortran_order or shape");
    }
    QUANT_TRY_ASSIGN(const DataType type, type_of(*descr_));
    // One axis, or none, lies the same in both orders.
    if (*fortran_ && shape_->size() > 1) {
      return fail(ErrorCode::kUnsupported,
                  "is in Fortran order; save numpy.ascontiguousarray(array) instead");
    }
    return Header{type, std::move(*shape_), 0};
  }

 private:
  static tl::unexpected<Error> malformed() {
    return fail(ErrorCode::kInvalidData, "malformed .npy header");
  }

  static Result<DataType> type_of(std::string_view descr) {
    const char order = descr.empty() ? '\0' : descr.front();
    const std::string_view code = descr.empty() ? descr : descr.substr(1);
    for (const TypeCode& known : kTypeCodes) {
      if (code != known.code) continue;
      if (order == '<' || (order == '|' && size_of(known.type) == 1)) return known.type;
      if (order == '>') {
        return fail(ErrorCode::kUnsupported,
                    fmt::format("element type '{}' is big-endian; save it as '<{}'", descr, code));
      }
    }
    return fail(ErrorCode::kUnsupported,
                "element type is none of those that gst-quant reads "
                "(float32/64, int8…64, uint8…64, bool)");
  }

  Status parse_entry() {
    QUANT_TRY_ASSIGN(const std::string_view key, parse_string());
    if (!take(':')) return malformed();
    if (key == "descr") {
      if (peek() == '[') return fail(ErrorCode::kUnsupported, "holds a structured array");
      QUANT_TRY_ASSIGN(descr_, parse_string());
      return {};
    }
    if (key == "fortran_order") {
      if (take_word("True")) {
        fortran_ = true;
      } else if (take_word("False")) {
        fortran_ = false;
      } else {
        return malformed();
      }
      return {};
    }
    if (key == "shape") return parse_shape();
    return malformed();
  }

  Result<std::string_view> parse_string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return malformed();
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return malformed();
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return content;
  }

  Status parse_shape() {
    if (!take('(')) return malformed();
    Shape shape;
    while (!take(')')) {
      peek();
      std::int64_t dim = 0;
      const char* const begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), dim);
      if (error != std::errc{}) return malformed();
      at_ += static_cast<std::size_t>(end - begin);
      if (shape.size() == kMaxRank) {
        return fail(ErrorCode::kOutOfRange, fmt::format("has more than {} dimensions", kMaxRank));
      }
      shape.push_back(dim);
      if (!take(',') && peek() != ')') return malformed();
    }
    shape_ = std::move(shape);
    return {};
  }

  // The next character that is no white space, '\0' at the end.
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char expected) {
    if (peek() != expected) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    peek();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<std::string_view> descr_;
  std::optional<bool> fortran_;
  std::optional<Shape> shape_;
};

// `start` is the beginning of the file: all of it, or at least kPreambleV2 + kMaxHeader bytes.
Result<Header> parse_header(std::span<const std::byte> start, std::uint64_t file_size) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  if (!text.starts_with(kMagic)) return fail(ErrorCode::kInvalidData, "is not a .npy file");
  if (text.size() < kPreambleV2) return fail(ErrorCode::kInvalidData, ".npy header is cut short");
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(start[i]); };
  const std::size_t version = byte_at(6);
  if (version < 1 || version > 3) {
    return fail(ErrorCode::kUnsupported,
                fmt::format(".npy format version {} is unknown (1 to 3 are read)", version));
  }
  const std::size_t preamble = version == 1 ? kPreambleV1 : kPreambleV2;
  std::size_t length = byte_at(8) | byte_at(9) << 8;
  if (version > 1) length |= byte_at(10) << 16 | byte_at(11) << 24;
  if (length > kMaxHeader) {
    return fail(ErrorCode::kOutOfRange, fmt::format(".npy header claims {} bytes", length));
  }
  if (length > text.size() - preamble)
    return fail(ErrorCode::kInvalidData, ".npy header is cut short");

  QUANT_TRY_ASSIGN(Header header, HeaderParser(text.substr(preamble, length)).parse());
  header.data_offset = preamble + length;
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(header.shape));
  const std::uint64_t expected = static_cast<std::uint64_t>(count) * size_of(header.type);
  const std::uint64_t present = file_size - header.data_offset;
  if (present != expected) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("a {} array of shape {} takes {} bytes, but {} follow the header",
                            to_string(header.type), to_string(header.shape), expected, present));
  }
  return header;
}

// numpy allows any byte as a truth value; this project's kernels count on 0 and 1.
void normalize_bool(Tensor& tensor) {
  if (tensor.type() != DataType::kBool) return;
  for (std::uint8_t& value : tensor.data<std::uint8_t>()) value = value != 0 ? 1 : 0;
}

}  // namespace

Result<Tensor> parse_npy(std::span<const std::byte> bytes) {
  QUANT_TRY_ASSIGN(Header header, parse_header(bytes, bytes.size()));
  Tensor tensor(header.type, std::move(header.shape));
  std::memcpy(tensor.raw(), bytes.data() + header.data_offset, tensor.bytes());
  normalize_bool(tensor);
  return tensor;
}

Result<Tensor> read_npy(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(NpyFile file, NpyFile::open(path));
  return file.read_all();
}

Result<NpyFile> NpyFile::open(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(const std::uint64_t size, regular_file_size(path));
  NpyFile file;
  file.path_ = path;
  file.stream_.open(path, std::ios::binary);
  if (!file.stream_) return fail(ErrorCode::kIo, "cannot be opened for reading", path.string());
  std::vector<std::byte> start(
      static_cast<std::size_t>(std::min<std::uint64_t>(size, kPreambleV2 + kMaxHeader)));
  file.stream_.read(reinterpret_cast<char*>(start.data()),
                    static_cast<std::streamsize>(start.size()));
  if (!file.stream_) return fail(ErrorCode::kIo, "could not be read", path.string());
  auto header = parse_header(start, size);
  if (!header) return fail_with_context(std::move(header).error(), path.string());
  file.type_ = header->type;
  file.shape_ = std::move(header->shape);
  file.data_offset_ = header->data_offset;
  return file;
}

Result<Tensor> NpyFile::read_item(std::int64_t index) {
  Shape shape(shape_.begin() + 1, shape_.end());
  const std::uint64_t item_bytes =
      static_cast<std::uint64_t>(element_count(shape)) * size_of(type_);
  return read_at(data_offset_ + static_cast<std::uint64_t>(index) * item_bytes, std::move(shape));
}

Result<Tensor> NpyFile::read_all() { return read_at(data_offset_, shape_); }

Result<Tensor> NpyFile::read_at(std::uint64_t offset, Shape shape) {
  Tensor tensor(type_, std::move(shape));
  stream_.clear();
  stream_.seekg(static_cast<std::streamoff>(offset));
  stream_.read(reinterpret_cast<char*>(tensor.raw()), static_cast<std::streamsize>(tensor.bytes()));
  if (!stream_) return fail(ErrorCode::kIo, "could not be read to its end", path_.string());
  normalize_bool(tensor);
  return tensor;
}

std::vector<std::byte> npy_bytes(const Tensor& tensor) {
  std::string_view code;
  for (const TypeCode& known : kTypeCodes) {
    if (known.type == tensor.type()) code = known.code;
  }
  // A tuple of one is written with a comma behind its only element.
  std::string dims = fmt::format("{}", fmt::join(tensor.shape(), ", "));
  if (tensor.rank() == 1) dims += ",";
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   size_of(tensor.type()) == 1 ? '|' : '<', code, dims);
  constexpr std::size_t kDataAlignment = 64;
  const std::size_t unpadded = kPreambleV1 + header.size() + 1;
  header.append((kDataAlignment - unpadded % kDataAlignment) % kDataAlignment, ' ');
  header += '\n';

  std::string preamble(kMagic);
  preamble += '\x01';
  preamble += '\x00';
  preamble += static_cast<char>(header.size() & 0xff);
  preamble += static_cast<char>(header.size() >> 8);

  std::vector<std::byte> bytes(kPreambleV1 + header.size() + tensor.bytes());
  std::memcpy(bytes.data(), preamble.data(), kPreambleV1);
  std::memcpy(bytes.data() + kPreambleV1, header.data(), header.size());
  std::memcpy(bytes.data() + kPreambleV1 + header.size(), tensor.raw(), tensor.bytes());
  return bytes;
}

Status write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  QUANT_TRY(file.write(npy_bytes(tensor)));
  return file.commit();
}

std::string npy_stem_of(std::string tensor_name) {
  std::replace_if(
      tensor_name.begin(), tensor_name.end(), [](char c) { return c == '/' || c == ':'; }, '_');
  return tensor_name;
}

}  // namespace quant
