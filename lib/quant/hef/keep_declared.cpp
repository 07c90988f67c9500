// SPDX-License-Identifier: MIT
#include "quant/hef/keep_declared.h"

#include <fmt/format.h>

#include <cstdint>

namespace quant {
namespace {

namespace pb = google::protobuf;

// The low bits of a tag. Groups (3, 4) are in no HEF.
enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };
constexpr std::uint32_t kTypeBits = 3;
constexpr std::uint32_t kTypeMask = 7;

void append_varint(std::string& out, std::uint64_t value) {
  constexpr std::uint64_t kLowBits = 0x7F;
  for (; value > kLowBits; value >>= 7U) out += static_cast<char>((value & kLowBits) | 0x80U);
  out += static_cast<char>(value);
}

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i));
}

// Whether the wire type is one that the declaration can have.
bool fits(const pb::FieldDescriptor& field, std::uint32_t wire_type) {
  const bool is_content = field.type() == pb::FieldDescriptor::TYPE_MESSAGE ||
                          field.type() == pb::FieldDescriptor::TYPE_BYTES;
  return wire_type == kDelimited ? is_content || field.is_packable() : !is_content;
}

class Keeper {
 public:
  explicit Keeper(pb::io::CodedInputStream& input) : input_(input) {}

  Status read_message(const pb::Descriptor& message, int depth, std::string& kept) {
    if (depth > kMaxDepth) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("its messages lie more than {} deep in each other", kMaxDepth));
    }
    while (const std::uint32_t tag = input_.ReadTag()) {
      if (++fields_ > kMaxFields)
        return fail(ErrorCode::kOutOfRange, fmt::format("has more than {} fields", kMaxFields));
      const auto* const field = message.FindFieldByNumber(static_cast<int>(tag >> kTypeBits));
      QUANT_TRY(read_field(tag, field, depth, kept));
    }
    return input_.ConsumedEntireMessage() ? Status() : broken();
  }

 private:
  static tl::unexpected<Error> broken() {
    return fail(ErrorCode::kInvalidData, "its messages are damaged or cut off");
  }

  // `field` is null of what nobody declared.
  Status read_field(std::uint32_t tag, const pb::FieldDescriptor* field, int depth,
                    std::string& kept) {
    const std::uint32_t wire_type = tag & kTypeMask;
    if (field != nullptr && !fits(*field, wire_type)) field = nullptr;
    switch (wire_type) {
      case kVarint: {
        std::uint64_t value = 0;
        if (!input_.ReadVarint64(&value)) return broken();
        if (field == nullptr) return {};
        append_varint(kept, tag);
        append_varint(kept, value);
        return count_kept(sizeof(value));
      }
      case kFixed64: {
        std::uint64_t value = 0;
        if (!input_.ReadLittleEndian64(&value)) return broken();
        if (field == nullptr) return {};
        append_varint(kept, tag);
        append_little_endian(kept, value);
        return count_kept(sizeof(value));
      }
      case kFixed32: {
        std::uint32_t value = 0;
        if (!input_.ReadLittleEndian32(&value)) return broken();
        if (field == nullptr) return {};
        append_varint(kept, tag);
        append_little_endian(kept, value);
        return count_kept(sizeof(value));
      }
      case kDelimited:
        return read_delimited(tag, field, depth, kept);
      default:
        return broken();
    }
  }

  Status read_delimited(std::uint32_t tag, const pb::FieldDescriptor* field, int depth,
                        std::string& kept) {
    std::uint64_t wide_length = 0;
    if (!input_.ReadVarint64(&wide_length)) return broken();
    if (wide_length > static_cast<std::uint64_t>(input_.BytesUntilLimit())) return broken();
    const int length = static_cast<int>(wide_length);
    if (field == nullptr) return input_.Skip(length) ? Status() : broken();
    if (++objects_ > kMaxKeptObjects) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("has more than {} messages and names", kMaxKeptObjects));
    }
    std::string content;
    if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
      const auto outer = input_.PushLimit(length);
      QUANT_TRY(read_message(*field->message_type(), depth + 1, content));
      input_.PopLimit(outer);
    } else {
      QUANT_TRY(count_kept(static_cast<std::size_t>(length)));
      if (!input_.ReadString(&content, length)) return broken();
    }
    append_varint(kept, tag);
    append_varint(kept, content.size());
    kept += content;
    return {};
  }

  Status count_kept(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= kMaxKeptBytes) return {};
    return fail(ErrorCode::kOutOfRange,
                fmt::format("describes its network in more than {} bytes", kMaxKeptBytes));
  }

  pb::io::CodedInputStream& input_;
  std::size_t fields_ = 0;
  std::size_t objects_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<std::string> keep_declared(pb::io::CodedInputStream& input, const pb::Descriptor& message) {
  std::string kept;
  QUANT_TRY(Keeper(input).read_message(message, 0, kept));
  return kept;
}

}  // namespace quant
