// SPDX-License-Identifier: MIT
// HEFs written field by field, by an encoder that knows neither the reader nor protobuf. The
// numbers are those of the format.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quant::testing {

// One message on the wire.
class Wire {
 public:
  Wire& number(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} << 3U);
    varint(value);
    return *this;
  }
  Wire& text(std::uint32_t field, std::string_view value) {
    varint(std::uint64_t{field} << 3U | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Wire& message(std::uint32_t field, const Wire& value) { return text(field, value.bytes_); }
  Wire& real(std::uint32_t field, float value) {
    varint(std::uint64_t{field} << 3U | 5U);
    little_endian(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  Wire& real64(std::uint32_t field, double value) {
    varint(std::uint64_t{field} << 3U | 1U);
    little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  // Packed, as the format's compilers write them.
  Wire& reals(std::uint32_t field, const std::vector<double>& values) {
    if (values.empty()) return *this;
    Wire packed;
    for (const double value : values) packed.little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return message(field, packed);
  }
  Wire& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  void little_endian(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  std::string bytes_;
};

struct StreamSpec {
  std::string name = "net/conv1";
  bool output = true;
  std::uint32_t format = 1;  // NHCW
  std::uint32_t height = 6;
  std::uint32_t width = 5;
  std::uint32_t features = 3;
  std::uint32_t padded_height = 6;
  std::uint32_t padded_width = 8;
  std::uint32_t padded_features = 3;
  std::uint32_t data_bytes = 1;
  std::uint32_t buffers_per_frame = 1;
  std::uint32_t largest_buffer = 0;
  float zero_point = 3;
  float scale = 0.5F;
  float minimum = -1.5F;
  float maximum = 126;
  std::vector<double> zero_points;
  std::vector<double> scales;
  std::vector<std::string> original_names = {"Conv_1"};
  bool transposed = false;
  int pad = -1;  // none
  std::uint32_t network = 0;
};

inline Wire base_wire(const StreamSpec& spec) {
  return Wire()
      .number(1, spec.height)
      .number(2, spec.padded_height)
      .number(3, spec.width)
      .number(4, spec.padded_width)
      .number(5, spec.features)
      .number(6, spec.padded_features)
      .number(7, spec.format)
      .number(8, 16)  // of no interest to the reader, as the next
      .number(9, 1920)
      .number(10, spec.buffers_per_frame)
      .number(12, spec.data_bytes)
      .number(15, spec.largest_buffer);
}

inline Wire numbers_wire(const StreamSpec& spec) {
  return Wire()
      .real(1, spec.zero_point)
      .real(2, spec.scale)
      .real(3, spec.minimum)
      .real(4, spec.maximum)
      .reals(5, spec.zero_points)
      .reals(6, spec.scales);
}

// `base` is base_wire(spec), or more than it.
inline Wire layer_wire(const StreamSpec& spec, const Wire& base) {
  Wire layer;
  layer.text(1, spec.name).message(2, base).message(3, numbers_wire(spec)).text(4, "net/conv0");
  for (const std::string& name : spec.original_names) layer.text(5, name);
  return layer.number(6, spec.transposed ? 1 : 0);
}

inline Wire layer_wire(const StreamSpec& spec) { return layer_wire(spec, base_wire(spec)); }

// `content_field`: 3 a layer, 4 a mux, 8 planes. `connection`: 0 to the host.
inline Wire edge_wire(const StreamSpec& spec, std::uint32_t kind, std::uint32_t content_field,
                      const Wire& content, std::uint32_t connection = 0) {
  Wire edge;
  edge.number(1, spec.output ? 1 : 0).number(2, kind).message(content_field, content);
  edge.message(5, Wire().text(2, "context_0").number(3, connection)).number(6, spec.network);
  if (spec.pad >= 0) edge.number(7, static_cast<std::uint64_t>(spec.pad));
  return edge;
}

inline Wire edge_wire(const StreamSpec& spec) { return edge_wire(spec, 0, 3, layer_wire(spec)); }

inline Wire context_wire(const std::vector<Wire>& edges) {
  Wire metadata;
  metadata.text(1, "net_context");
  for (const Wire& edge : edges) metadata.message(2, edge);
  // Actions of the context, which hold weights in old files.
  return Wire().message(2, Wire().text(2, std::string(40, '\xFF'))).message(3, metadata);
}

// Metadata, contexts: the common part of groups, core operations and arrangements.
inline Wire core_wire(const std::string& name, const std::vector<Wire>& contexts,
                      bool transposed = false) {
  Wire core;
  core.message(1, Wire().text(1, name).number(3, transposed ? 1 : 0).real64(4, 100));
  for (const Wire& context : contexts) core.message(3, context);
  return core;
}

struct RootSpec {
  std::uint32_t architecture = 0;  // HAILO8
  std::uint64_t format_version = 5;
  std::vector<std::uint32_t> extensions = {26};
  std::vector<std::uint32_t> optional_extensions = {8, 11};
};

inline Wire root_wire(const std::vector<Wire>& groups, const RootSpec& spec = {}) {
  Wire root;
  root.message(1, Wire()
                      .number(1, spec.architecture)
                      .number(2, 1766812748618U)
                      .text(3, "sdk-version: 3.28.0")
                      .number(4, spec.format_version));
  for (const Wire& group : groups) root.message(2, group);
  for (const std::uint32_t id : spec.extensions)
    root.message(5, Wire().number(1, id).text(2, "some extension"));
  for (const std::uint32_t id : spec.optional_extensions)
    root.message(6, Wire().number(1, id).text(2, "some option"));
  return root;
}

// The usual shape: one group before net flow, one context.
inline Wire root_of_streams(const std::vector<StreamSpec>& streams, const RootSpec& spec = {}) {
  std::vector<Wire> edges;
  for (const StreamSpec& stream : streams) edges.push_back(edge_wire(stream));
  return root_wire({core_wire("net", {context_wire(edges)}).text(6, "net")}, spec);
}

// What the header says, each alterable.
struct HeaderSpec {
  std::uint32_t magic = 0x01484546;
  std::uint32_t version = 3;
  std::uint64_t message_bytes = 0;
  std::uint64_t weight_bytes = 0;
  std::uint32_t padding_bytes = 0;
  std::uint64_t resource_bytes = 0;
  bool big_endian = true;
};

inline std::vector<std::byte> header_bytes(const HeaderSpec& spec) {
  std::vector<std::byte> bytes;
  const auto put = [&](std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (spec.big_endian ? count - 1 - i : i);
      bytes.push_back(static_cast<std::byte>(value >> shift));
    }
  };
  put(spec.magic, 4);
  put(spec.version, 4);
  put(spec.message_bytes, 4);
  switch (spec.version) {
    case 0:
      put(0, 4);
      put(0x0011223344556677, 8);
      put(0x8899AABBCCDDEEFF, 8);
      break;
    case 1:
      put(0xCAFEBABE, 4);
      put(spec.weight_bytes, 8);
      put(0, 4);
      break;
    case 2:
      put(0x0123456789ABCDEF, 8);
      put(spec.weight_bytes, 8);
      put(0, 8);
      put(0, 8);
      break;
    default:
      put(0x0123456789ABCDEF, 8);
      put(spec.weight_bytes, 8);
      put(spec.padding_bytes, 4);
      put(spec.resource_bytes, 8);
      put(0x5555555555555555, 8);
      put(0, 8);
  }
  return bytes;
}

inline void append(std::vector<std::byte>& bytes, std::string_view more) {
  for (const char c : more) bytes.push_back(static_cast<std::byte>(c));
}

// A whole file. Version 0 has no weights behind its messages.
inline std::vector<std::byte> hef_bytes(const Wire& root, std::uint32_t version = 3,
                                        std::size_t weight_bytes = 64) {
  HeaderSpec header;
  header.version = version;
  header.message_bytes = root.bytes().size();
  header.weight_bytes = version == 0 ? 0 : weight_bytes;
  header.padding_bytes = 16;
  header.resource_bytes = version == 3 ? 24 : 0;
  std::vector<std::byte> bytes = header_bytes(header);
  append(bytes, root.bytes());
  append(bytes, std::string(header.weight_bytes + header.resource_bytes, '\x55'));
  return bytes;
}

}  // namespace quant::testing
