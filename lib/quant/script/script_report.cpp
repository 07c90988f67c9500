// SPDX-License-Identifier: MIT
#include "quant/script/script_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "quant/script/value_type.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

Json range_json(const ValueRange& range) { return {range.low, range.high}; }

template <typename Clipping>
Json clipping_json(const Clipping& clipping) {
  Json json = {{"value", name_of(clipping.mode)}};
  if (clipping.values) json["values"] = range_json(*clipping.values);
  json["line"] = clipping.line;
  return json;
}

Json decided(Json value, int line) { return {{"value", std::move(value)}, {"line", line}}; }

void add_force_ranges(Json& json, const EffectiveSettings& layer) {
  Json inputs = Json::array();
  if (const auto& every = layer.force_range_in; every.value)
    inputs.push_back(decided(range_json(*every.value), every.line));
  for (const auto& [index, range] : layer.force_range_in_by_index) {
    inputs.push_back(decided(range_json(range.value), range.line));
    inputs.back()["input"] = index;
  }
  if (!inputs.empty()) json["force_range_in"] = std::move(inputs);
  if (const auto& out = layer.force_range_out; out.value)
    json["force_range_out"] = decided(range_json(*out.value), out.line);
}

Json layer_json(const EffectiveSettings& layer) {
  Json json = {{"name", layer.layer.name},
               {"type", layer.layer.type},
               {"original_names", layer.layer.original_names},
               {"precision", decided(to_string(layer.precision.value), layer.precision.line)},
               {"bias_mode", decided(name_of(layer.bias_mode.value), layer.bias_mode.line)},
               {"quantization_groups",
                decided(layer.quantization_groups.value, layer.quantization_groups.line)}};
  if (const auto& size = layer.weight_group_size; size.value)
    json["weight_group_size"] = decided(*size.value, size.line);
  if (const auto& clipping = layer.activation_clipping; clipping.value)
    json["activation_clipping"] = clipping_json(*clipping.value);
  if (const auto& clipping = layer.weights_clipping; clipping.value)
    json["weights_clipping"] = clipping_json(*clipping.value);
  add_force_ranges(json, layer);
  if (const auto& activation = layer.output_activation; activation.value)
    json["output_activation"] = decided(name_of(*activation.value), activation.line);
  return json;
}

std::string joined(const Json& list) {
  std::string text;
  for (const Json& entry : list) text += (text.empty() ? "" : ", ") + entry.get<std::string>();
  return text;
}

// "a16_w16 (3)": the line in brackets, none for a default.
std::string setting_text(const Json& setting) {
  const Json& value = setting["value"];
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (setting.contains("values")) text += " " + setting["values"].dump();
  if (const int line = setting["line"]; line > 0) text += fmt::format(" ({})", line);
  return text;
}

std::string clipping_text(const Json& layer) {
  std::string text;
  if (layer.contains("activation_clipping")) text = setting_text(layer["activation_clipping"]);
  if (layer.contains("weights_clipping"))
    text += (text.empty() ? "" : ", ") + ("weights " + setting_text(layer["weights_clipping"]));
  return text.empty() ? "-" : text;
}

std::string ranges_text(const Json& layer) {
  std::string text;
  for (const Json& range : layer.value("force_range_in", Json::array())) {
    text += (text.empty() ? "" : ", ") + std::string("in");
    if (range.contains("input")) text += fmt::format(" {}", range["input"].get<int>());
    text += " " + setting_text(range);
  }
  if (layer.contains("force_range_out"))
    text += (text.empty() ? "" : ", ") + ("out " + setting_text(layer["force_range_out"]));
  return text.empty() ? "-" : text;
}

void append_layers(std::string& text, const Json& layers) {
  using Row = std::array<std::string, 7>;
  std::vector<Row> rows = {
      {"name", "type", "precision", "bias mode", "clipping", "forced range", "original name"}};
  for (const Json& layer : layers) {
    rows.push_back({layer["name"], layer["type"], setting_text(layer["precision"]),
                    setting_text(layer["bias_mode"]), clipping_text(layer), ranges_text(layer),
                    joined(layer["original_names"])});
  }
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("  {:<{}}", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
}

}  // namespace

Json script_report(const ModelScript& script, std::vector<Diagnostic> errors) {
  std::stable_sort(errors.begin(), errors.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
  Json report = {
      {"file", script.source.file}, {"errors", Json::array()}, {"without_effect", Json::array()}};
  for (const Diagnostic& error : errors) {
    report["errors"].push_back(
        {{"line", error.at.line}, {"column", error.at.column}, {"message", error.message}});
  }
  Json& list = report["without_effect"];
  for (const WithoutEffect& one : script.without_effect) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const Json& entry) { return entry["what"] == one.what; });
    if (found != list.end()) {
      (*found)["lines"].push_back(one.line);
    } else {
      list.push_back({{"what", one.what}, {"lines", {one.line}}});
    }
  }
  return report;
}

void add_layers(Json& report, std::span<const EffectiveSettings> layers) {
  report["layers"] = Json::array();
  for (const EffectiveSettings& layer : layers) report["layers"].push_back(layer_json(layer));
}

std::string script_report_text(const Json& report) {
  const std::size_t errors = report["errors"].size();
  std::string text = report["file"].get<std::string>() + ": ";
  text += errors == 0 ? "no errors\n" : fmt::format("{} error{}\n", errors, errors == 1 ? "" : "s");
  if (!report["without_effect"].empty()) text += "\nwithout effect here\n";
  for (const Json& entry : report["without_effect"]) {
    const Json& lines = entry["lines"];
    const std::string what = entry["what"];
    if (lines.size() == 1) {
      text += fmt::format("  {}, line {}\n", what, lines[0].get<int>());
    } else {
      text +=
          fmt::format("  {}, {} times from line {} on\n", what, lines.size(), lines[0].get<int>());
    }
  }
  if (report.contains("layers")) {
    text += "\nlayers (in brackets the line that decides; without, it is the default)\n";
    append_layers(text, report["layers"]);
  }
  return text;
}

}  // namespace quant
