// SPDX-License-Identifier: MIT
// The upper half keeps the wording of the vendor's parser, so that the two can be compared line by
// line.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "quant/analyze/hef_inspection.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json, const char* key) { return json[key].get<std::string>(); }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string joined(const Json& names) {
  std::string text;
  for (const Json& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

const char* column(const Json& json) { return json["direction"] == "input" ? "Input " : "Output"; }

// Bytes that the runtime sets aside for boxes by class: floats, per class a count and five a box.
std::uint32_t frame_bytes(double classes, double per_class) {
  constexpr double kPerBox = 5;
  const double bytes = classes * (1 + kPerBox * per_class) * sizeof(float);
  return static_cast<std::uint32_t>(
      std::min<double>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

std::string shape_text(const Json& view) {
  const std::string order = text_of(view, "order");
  if (view.contains("boxes")) {
    const auto classes = view["boxes"]["classes"].get<std::uint64_t>();
    const auto per_class = view["boxes"]["per_class"].get<std::uint64_t>();
    if (order != "HAILO NMS BY CLASS") {
      return fmt::format("number of classes: {}, maximum bounding boxes total: {}", classes,
                         classes * per_class);
    }
    return fmt::format(
        "number of classes: {}, maximum bounding boxes per class: {}, maximum frame size: {}",
        classes, per_class,
        frame_bytes(static_cast<double>(classes), static_cast<double>(per_class)));
  }
  if (!view.contains("size")) return "of the runtime's own size";
  const Json& size = view["size"];
  if (order == "NC") return size[2].dump();
  const std::string plane = size[0].dump() + "x" + size[1].dump();
  return order == "NHW" ? plane : plane + "x" + size[2].dump();
}

void append_views(std::string& text, const Json& group, const std::string& network) {
  text += fmt::format("    Network name: {}\n        VStream infos:\n", network);
  for (const Json& view : group["views"]) {
    if (view["network"] != network) continue;
    text += fmt::format("            {} {} {}, {}({})\n", column(view), text_of(view, "name"),
                        upper(text_of(view, "type")), text_of(view, "order"), shape_text(view));
  }
}

// The first of several, and how many there are.
std::string first_text(const Json& values) {
  const std::string first = fmt::format("{:.6g}", values[0].get<double>());
  return values.size() == 1 ? first : fmt::format("{} … ({})", first, values.size());
}

std::string layout_text(const Json& stream) {
  const Json& size = stream["size"];
  std::string text = fmt::format("{} {} {}x{}x{}", text_of(stream, "format"),
                                 text_of(stream, "type"), size[0].get<std::int64_t>(),
                                 size[1].get<std::int64_t>(), size[2].get<std::int64_t>());
  if (!stream.contains("layout")) return text + ", " + text_of(stream, "layout_error");
  const Json& padded = stream["layout"]["padded"];
  if (padded != size) {
    text += fmt::format(" in {}x{}x{}", padded[0].get<std::int64_t>(),
                        padded[1].get<std::int64_t>(), padded[2].get<std::int64_t>());
  }
  return text;
}

void append_stream(std::string& text, const Json& stream, std::size_t indent) {
  const std::string margin(indent, ' ');
  text += fmt::format("{}{} {}  {}", margin, column(stream), text_of(stream, "name"),
                      layout_text(stream));
  if (stream.contains("scale")) {
    text += fmt::format("  scale {}  zero {}  range [{:.5g}, {:.5g}]", first_text(stream["scale"]),
                        first_text(stream["zero_point"]), stream["range"][0].get<double>(),
                        stream["range"][1].get<double>());
  } else if (!stream.contains("parts")) {
    text += "  (" + text_of(stream, "quant_error") + ")";
  }
  if (stream["transposed"].get<bool>()) text += "  transposed";
  if (stream.contains("piece_of")) text += "  piece of " + text_of(stream, "piece_of");
  if (stream.contains("host_operation")) text += "  taken by " + text_of(stream, "host_operation");
  if (!stream["original_names"].empty()) text += "  <- " + joined(stream["original_names"]);
  text += "\n";
  constexpr std::size_t kStep = 4;
  for (const Json& part : stream.value("parts", Json::array()))
    append_stream(text, part, indent + kStep);
  if (stream.contains("normalization")) {
    text += fmt::format("{}    normalization: {} ({})\n", margin, text_of(stream, "normalization"),
                        text_of(stream, "normalization_evidence"));
  }
}

void append_operations(std::string& text, const Json& operations) {
  if (operations.empty()) return;
  text += "    On the host:\n";
  for (const Json& operation : operations) {
    text += fmt::format("        {} ({}) of {} gives {}", text_of(operation, "name"),
                        text_of(operation, "kind"), joined(operation["streams"]),
                        text_of(operation, "output"));
    if (operation["score_threshold"] != 0.0 || operation["iou_threshold"] != 0.0) {
      text +=
          fmt::format("  score > {:.4g}, IoU {:.4g}", operation["score_threshold"].get<double>(),
                      operation["iou_threshold"].get<double>());
    }
    text += "\n";
  }
}

void append_group(std::string& text, const Json& group) {
  const auto contexts = group["contexts"].get<std::int64_t>();
  text += fmt::format("Network group name: {}, {}\n", text_of(group, "name"),
                      contexts > 1 ? fmt::format("Multi Context - Number of contexts: {}", contexts)
                                   : "Single Context");
  for (const Json& network : group["networks"])
    append_views(text, group, network.get<std::string>());
  if (group["arrangements"] != 1) {
    text += fmt::format("    {} arrangements on the chip; this is the first\n",
                        group["arrangements"].get<std::int64_t>());
  }
  text += "    Streams of the device (height x width x channels):\n";
  constexpr std::size_t kIndent = 8;
  for (const Json& stream : group["streams"]) append_stream(text, stream, kIndent);
  append_operations(text, group["host_operations"]);
}

}  // namespace

std::string hef_inspection_text(const Json& inspection) {
  std::string text =
      fmt::format("Architecture HEF was compiled for: {}\n", text_of(inspection, "architecture"));
  if (!inspection["runs_on"].empty())
    text += fmt::format("HEF Compatible for: {}\n", joined(inspection["runs_on"]));
  if (!inspection["sdk_version"].get<std::string>().empty())
    text += fmt::format("HEF Compiler Version: {}\n", text_of(inspection, "sdk_version"));
  for (const Json& group : inspection["groups"]) append_group(text, group);
  text += "Extensions:\n";
  for (const Json& extension : inspection["extensions"]) {
    text += fmt::format("    {:>3} {}{}", extension["id"].get<std::uint32_t>(),
                        text_of(extension, "name"),
                        extension["optional"].get<bool>() ? " (optional)" : "");
    const std::string own = text_of(extension, "text");
    text += own.empty() ? "\n" : fmt::format(": {}\n", own);
  }
  const Json& header = inspection["header"];
  text += fmt::format(
      "File: HEF version {}, {} bytes of messages, {} of weights, {} (not verified)\n",
      header["version"].get<std::uint32_t>(), header["message_bytes"].get<std::uint64_t>(),
      header["weight_bytes"].get<std::uint64_t>(), text_of(header, "checksum"));
  return text;
}

}  // namespace quant
