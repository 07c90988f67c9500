// SPDX-License-Identifier: MIT
// HEFs written field by field, by an encoder that knows neither the reader nor protobuf. The
// numbers are those of the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "quant/hef/header_bytes.h"
#include "quant/hef/wire.h"

namespace quant::testing {

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
