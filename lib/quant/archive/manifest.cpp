// SPDX-License-Identifier: MIT
#include "quant/archive/manifest.h"

#include <fmt/format.h>
#include <zlib.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "quant/archive/json_field.h"
#include "quant/base/version.h"

namespace quant {
namespace {

using nlohmann::json;

constexpr const char* kFormatName = "gst-quant archive";

std::string checksum(std::span<const std::byte> bytes) {
  const auto* const data = reinterpret_cast<const Bytef*>(bytes.data());
  return fmt::format("{:08x}", crc32_z(0, data, bytes.size()));
}

// Of everything in the manifest but the checksum itself, as one line with sorted keys: reformatting
// the file does not change it, changing a value does.
Result<std::string> own_checksum(json manifest) {
  manifest.erase("crc32");
  QUANT_TRY_ASSIGN(const std::string line, dump_json(manifest, -1));
  return checksum(std::as_bytes(std::span(line)));
}

json input_to_json(const InputSpec& input) {
  if (!input.is_image()) {
    json list = json::array();
    for (const FeatureInput& feature : input.features)
      list.push_back({{"name", feature.name}, {"shape", feature.shape}});
    return {{"features", std::move(list)}};
  }
  return {{"name", input.name},
          {"width", input.width},
          {"height", input.height},
          {"color", to_string(input.color)},
          {"mean", floats_to_json(input.mean)},
          {"std", floats_to_json(input.std)}};
}

Result<std::vector<FeatureInput>> features_from_json(const JsonField& field) {
  std::vector<FeatureInput> features;
  QUANT_TRY_ASSIGN(const auto items, field.items());
  for (const JsonField& item : items) {
    FeatureInput& feature = features.emplace_back();
    QUANT_TRY_ASSIGN(const JsonField name, item.at("name"));
    QUANT_TRY_ASSIGN(feature.name, name.text());
    QUANT_TRY_ASSIGN(const JsonField shape, item.at("shape"));
    QUANT_TRY_ASSIGN(feature.shape, shape.integers(1, kMaxElements));
  }
  if (features.empty()) return field.wrong("the model has no input");
  return features;
}

Result<InputSpec> input_from_json(const JsonField& field) {
  InputSpec input;
  if (field.has("features")) {
    QUANT_TRY_ASSIGN(const JsonField features, field.at("features"));
    QUANT_TRY_ASSIGN(input.features, features_from_json(features));
    if (auto status = verify(input); !status) return features.wrong(status.error().text());
    return input;
  }
  constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();
  QUANT_TRY_ASSIGN(const JsonField name, field.at("name"));
  QUANT_TRY_ASSIGN(input.name, name.text());
  QUANT_TRY_ASSIGN(const JsonField width, field.at("width"));
  QUANT_TRY_ASSIGN(const std::int64_t width_pixels, width.integer(1, kMaxInt));
  input.width = static_cast<int>(width_pixels);
  QUANT_TRY_ASSIGN(const JsonField height, field.at("height"));
  QUANT_TRY_ASSIGN(const std::int64_t height_pixels, height.integer(1, kMaxInt));
  input.height = static_cast<int>(height_pixels);
  QUANT_TRY_ASSIGN(const JsonField color, field.at("color"));
  QUANT_TRY_ASSIGN(const std::string color_name, color.text());
  const auto order = color_order_from_string(color_name);
  if (!order) return color.wrong(fmt::format("'{}' is no colour order", color_name));
  input.color = *order;
  QUANT_TRY_ASSIGN(const JsonField mean, field.at("mean"));
  QUANT_TRY_ASSIGN(input.mean, mean.numbers());
  QUANT_TRY_ASSIGN(const JsonField std, field.at("std"));
  QUANT_TRY_ASSIGN(input.std, std.numbers());
  if (auto status = verify(input); !status) return field.wrong(status.error().text());
  return input;
}

Status check_format(const JsonField& manifest) {
  QUANT_TRY_ASSIGN(const JsonField format, manifest.at("format"));
  QUANT_TRY_ASSIGN(const std::string format_name, format.text());
  if (format_name != kFormatName)
    return format.wrong(fmt::format("is '{}', not '{}'", format_name, kFormatName));
  QUANT_TRY_ASSIGN(const JsonField version_field, manifest.at("format_version"));
  QUANT_TRY_ASSIGN(const std::int64_t format_version,
                   version_field.integer(1, std::numeric_limits<std::int64_t>::max()));
  if (format_version > kArchiveFormat) {
    QUANT_TRY_ASSIGN(const JsonField writer, manifest.at("gst_quant_version"));
    QUANT_TRY_ASSIGN(const std::string writer_version, writer.text());
    return fail(
        ErrorCode::kUnsupported,
        fmt::format(
            "archive format {} was written by gst-quant {}; this is gst-quant {}, which reads "
            "up to format {}",
            format_version, writer_version, version(), kArchiveFormat));
  }
  return {};
}

Status check_members(const JsonField& manifest, const MemberMap& members) {
  QUANT_TRY_ASSIGN(const JsonField list, manifest.at("members"));
  QUANT_TRY_ASSIGN(const auto entries, list.members());
  for (const auto& [name, entry] : entries) {
    QUANT_TRY_ASSIGN(const JsonField bytes, entry.at("bytes"));
    QUANT_TRY_ASSIGN(const std::int64_t size,
                     bytes.integer(0, std::numeric_limits<std::int64_t>::max()));
    QUANT_TRY_ASSIGN(const JsonField crc, entry.at("crc32"));
    QUANT_TRY_ASSIGN(const std::string expected, crc.text());
    const auto found = members.find(name);
    if (found == members.end())
      return fail(ErrorCode::kInvalidData, "this member is missing", name);
    if (static_cast<std::int64_t>(found->second.size()) != size) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("has {} bytes instead of {}", found->second.size(), size), name);
    }
    if (checksum(found->second) != expected) {
      return fail(ErrorCode::kInvalidData, "is damaged (checksum mismatch)", name);
    }
  }
  for (const auto& [name, bytes] : members) {
    const bool listed = name == kManifestName || manifest.at("members")->has(name);
    if (!listed)
      return fail(ErrorCode::kInvalidData, "the manifest does not list this member", name);
  }
  return {};
}

Status read_fields(const JsonField& manifest, Archive& archive) {
  QUANT_TRY_ASSIGN(const JsonField input, manifest.at("input"));
  QUANT_TRY_ASSIGN(archive.model.input, input_from_json(input));
  QUANT_TRY_ASSIGN(const JsonField options, manifest.at("options"));
  QUANT_TRY_ASSIGN(const auto option_fields, options.members());
  for (const auto& [name, field] : option_fields) {
    QUANT_TRY_ASSIGN(archive.options[name], field.text());
  }
  QUANT_TRY_ASSIGN(const JsonField onnx, manifest.at("onnx"));
  QUANT_TRY_ASSIGN(const JsonField shapes, onnx.at("input_shapes"));
  QUANT_TRY_ASSIGN(const auto shape_fields, shapes.members());
  for (const auto& [name, field] : shape_fields) {
    QUANT_TRY_ASSIGN(archive.input_shapes[name], field.integers(-1, kMaxElements));
  }
  QUANT_TRY_ASSIGN(const JsonField end_nodes, onnx.at("end_nodes"));
  QUANT_TRY_ASSIGN(archive.end_nodes, end_nodes.texts());
  return {};
}

}  // namespace

Result<std::string> write_manifest(const Archive& archive, const MemberMap& members) {
  json list = json::object();
  for (const auto& [name, bytes] : members) {
    list[name] = {{"bytes", bytes.size()}, {"crc32", checksum(bytes)}};
  }
  json manifest = {
      {"format", kFormatName},
      {"format_version", kArchiveFormat},
      {"gst_quant_version", version()},
      {"model", archive.model.integer.name},
      {"input", input_to_json(archive.model.input)},
      {"options", json(archive.options)},
      {"onnx",
       {{"input_shapes", json(archive.input_shapes)}, {"end_nodes", json(archive.end_nodes)}}},
      {"members", std::move(list)}};
  QUANT_TRY_ASSIGN(manifest["crc32"], own_checksum(manifest));
  return dump_json(manifest, 1);
}

Status read_manifest(const MemberMap& members, Archive& archive) {
  const auto found = members.find(kManifestName);
  if (found == members.end()) {
    return fail(ErrorCode::kInvalidData, "is not a .qar archive (no manifest.json)");
  }
  auto document = parse_json(found->second);
  if (!document) return fail_with_context(std::move(document).error(), kManifestName);
  const JsonField manifest(*document);
  const auto check = [&]() -> Status {
    QUANT_TRY(check_format(manifest));
    QUANT_TRY_ASSIGN(const JsonField crc, manifest.at("crc32"));
    QUANT_TRY_ASSIGN(const std::string expected, crc.text());
    QUANT_TRY_ASSIGN(const std::string actual, own_checksum(*document));
    if (actual != expected) return crc.wrong("the manifest is damaged (checksum mismatch)");
    return {};
  };
  if (auto status = check(); !status)
    return fail_with_context(std::move(status).error(), kManifestName);
  QUANT_TRY(check_members(manifest, members));
  if (auto status = read_fields(manifest, archive); !status) {
    return fail_with_context(std::move(status).error(), kManifestName);
  }
  return {};
}

}  // namespace quant
