// SPDX-License-Identifier: MIT
#include "fuzz/wire_mutator.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace quant::testing {
namespace {

constexpr int kDeepest = 40;

struct Field {
  std::string head;     // tag and length, or the whole field where it has none
  std::string content;  // of a length
  std::uint64_t tag = 0;
  bool has_length() const { return (tag & 7U) == 2; }
};

void append_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  bytes += static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Nothing where the bytes are no message.
std::optional<std::vector<Field>> split(const std::string& message) {
  std::vector<Field> fields;
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t start = at;
    const auto tag = take_varint(message, at);
    if (!tag || *tag >> 3U == 0) return std::nullopt;
    Field field;
    field.tag = *tag;
    std::uint64_t length = 0;
    switch (*tag & 7U) {
      case 0:
        if (!take_varint(message, at)) return std::nullopt;
        break;
      case 1:
        length = 8;
        break;
      case 2: {
        const auto stated = take_varint(message, at);
        if (!stated) return std::nullopt;
        length = *stated;
        break;
      }
      case 5:
        length = 4;
        break;
      default:
        return std::nullopt;
    }
    if (length > message.size() - at) return std::nullopt;
    if (field.has_length()) {
      field.content = message.substr(at, length);
    } else {
      field.head = message.substr(start, at + length - start);
    }
    at += length;
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string join(const std::vector<Field>& fields) {
  std::string message;
  for (const Field& field : fields) {
    if (!field.has_length()) {
      message += field.head;
      continue;
    }
    append_varint(message, field.tag);
    append_varint(message, field.content.size());
    message += field.content;
  }
  return message;
}

}  // namespace

std::string mutate_wire(const std::string& message, std::minstd_rand& random,
                        const BytesMutator& change, int depth) {
  auto fields = split(message);
  if (!fields || fields->empty() || depth > kDeepest) {
    std::string changed = message;
    change(changed);
    return changed;
  }
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const auto place = fields->begin() + static_cast<std::ptrdiff_t>(below(fields->size()));
  switch (below(10)) {
    case 0:
      fields->erase(place);
      break;
    case 1: {
      const Field copy = *place;
      fields->insert(fields->begin() + static_cast<std::ptrdiff_t>(below(fields->size())), copy);
      break;
    }
    case 2:
      std::iter_swap(place, fields->begin() + static_cast<std::ptrdiff_t>(below(fields->size())));
      break;
    default:
      if (place->has_length())
        place->content = mutate_wire(place->content, random, change, depth + 1);
      else
        change(place->head);
  }
  return join(*fields);
}

}  // namespace quant::testing
