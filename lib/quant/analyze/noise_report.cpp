// SPDX-License-Identifier: MIT
// Printing only: every figure was made elsewhere.
#include "quant/analyze/noise_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "quant/analyze/snr_text.h"
#include "quant/metrics/snr_json.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

std::string trimmed(std::string line) {
  const std::size_t last = line.find_last_not_of(" \n");
  line.erase(last == std::string::npos ? 0 : last + 1);
  return line + "\n";
}

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// To five significant digits: what a picture shows, in a third of the bytes.
double shortened(double value) {
  const std::string digits = fmt::format("{:.5g}", value);
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Json histogram_json(const ValueHistogram& histogram) {
  return {{"from", histogram.from},
          {"width", histogram.width},
          {"float", histogram.native},
          {"quantized", histogram.quantized}};
}

// Column by column: the names stand there once.
Json pairs_json(const std::vector<ValuePair>& pairs) {
  Json json = {{"channel", Json::array()}, {"quantized", Json::array()}, {"float", Json::array()}};
  for (const ValuePair& pair : pairs) {
    json["channel"].push_back(pair.channel);
    json["quantized"].push_back(pair.quantized);
    json["float"].push_back(shortened(pair.native));
  }
  return json;
}

std::string range_text(double low, double high) {
  return fmt::format("{:.4g} .. {:.4g}", low, high);
}

// The columns of the table, heading first.
std::vector<std::vector<std::string>> cells(const NoiseReport& report) {
  std::vector<std::vector<std::string>> rows = {{"layer", "op", "SNR dB", "adds %", "float range",
                                                 "integer range", "sat %", "dead", "lost",
                                                 "spread"}};
  const bool full = report.full_frames > 0;
  if (full) {
    for (const ModelOutputNoise& output : report.outputs)
      rows[0].push_back("alone: " + output.name);
  }
  for (const LayerNoise& layer : report.layers) {
    rows.push_back(
        {layer.layer, layer.op, snr_text(layer.error.snr()) + (layer.channel_scaled ? "*" : ""),
         fmt::format("{:.3f}", 100 * layer.added_noise), range_text(layer.seen_min, layer.seen_max),
         range_text(layer.params.range_min, layer.params.range_max),
         fmt::format("{:.3f}", 100 * layer.saturation), fmt::format("{}", layer.dead_channels),
         fmt::format("{}", layer.lost_channels), fmt::format("{:.1f}", layer.channel_spread)});
    for (const OutputError& error : layer.at_outputs) rows.back().push_back(snr_text(error.snr()));
  }
  return rows;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      // Names to the left, figures to the right.
      line += i < 2 ? fmt::format("{:<{}}  ", row[i], widths[i])
                    : fmt::format("{:>{}}  ", row[i], widths[i]);
    }
    text += trimmed(line);
  }
  return text;
}

Json layer_json(const NoiseReport& report, const LayerNoise& layer) {
  Json inputs = Json::array();
  for (const std::size_t input : layer.inputs) inputs.push_back(report.layers[input].layer);
  Json json = {
      {"layer", layer.layer}, {"op", layer.op},       {"original_names", layer.original_names},
      {"value", layer.value}, {"shape", layer.shape}, {"inputs", inputs}};
  json.update(to_json(layer.error));
  json["added_noise"] = finite_or_null(layer.added_noise);
  json["channel_scaled"] = layer.channel_scaled;
  json["seen"] = {finite_or_null(layer.seen_min), finite_or_null(layer.seen_max)};
  json["range"] = {layer.params.range_min, layer.params.range_max};
  const bool by_channel = layer.params.per_channel();
  json["scale"] = by_channel ? Json(layer.params.scale) : Json(layer.params.scale[0]);
  json["zero_point"] =
      by_channel ? Json(layer.params.zero_point) : Json(layer.params.zero_point[0]);
  json["saturation"] = layer.saturation;
  json["empty_range"] = layer.empty_range;
  json["channels"] = layer.channels;
  json["dead_channels"] = layer.dead_channels;
  json["lost_channels"] = layer.lost_channels;
  json["channel_spread"] = finite_or_null(layer.channel_spread);
  if (!layer.histogram.native.empty()) {
    json["histogram"] = histogram_json(layer.histogram);
    json["pairs"] = pairs_json(layer.pairs);
  }
  if (!layer.at_outputs.empty()) {
    Json alone = Json::object();
    for (std::size_t i = 0; i < layer.at_outputs.size(); ++i) {
      const Snr snr = layer.at_outputs[i].snr();
      alone[report.outputs[i].name] = {{"snr_db", finite_or_null(snr.db)},
                                       {"state", to_string(snr.state)}};
    }
    json["at_outputs"] = alone;
  }
  return json;
}

}  // namespace

std::string to_text(const NoiseFindings& findings) {
  const NoiseReport& report = findings.noise;
  std::string text =
      fmt::format("{}: {} frame{}", findings.model, report.frames, report.frames == 1 ? "" : "s");
  if (report.full_frames > 0)
    text += fmt::format(", each layer alone on {} of them", report.full_frames);
  text += "\n\n" + table(cells(report));
  const auto scaled = std::count_if(report.layers.begin(), report.layers.end(),
                                    [](const LayerNoise& layer) { return layer.channel_scaled; });
  if (scaled > 0) {
    text += fmt::format(
        "* {} of {} layers have their channels scaled against the original (equalization); all are "
        "compared in the scale of the integers\n",
        scaled, report.layers.size());
  }
  if (!report.unmatched.empty())
    text += fmt::format("{} layers have no counterpart in the float network\n",
                        report.unmatched.size());
  text += "\nmodel outputs, fp-optimized -> quantized, host part included\n";
  for (const ModelOutputNoise& output : report.outputs) {
    text += output.frames > 0
                ? fmt::format("  {}  {} dB\n", output.name, snr_text(output.error.snr()))
                : fmt::format("  {}  not compared: {}\n", output.name, output.skip_reason);
  }
  if (!findings.worst.empty()) {
    text += report.full_frames > 0 ? "\nworst layers, by what each alone does to the outputs\n"
                                   : "\nworst layers, by the noise that they add\n";
  }
  for (const LayerAdvice& advice : findings.worst) {
    text += fmt::format("  {}: {}\n", report.layers[advice.layer].layer, advice.text);
    if (!advice.script.empty()) text += fmt::format("      {}\n", advice.script);
  }
  for (const std::string& remark : findings.remarks) text += fmt::format("\nnote: {}\n", remark);
  return text;
}

nlohmann::ordered_json to_json(const NoiseFindings& findings) {
  const NoiseReport& report = findings.noise;
  Json json = {{"model", findings.model},
               {"frames", report.frames},
               {"full_frames", report.full_frames},
               {"layers", Json::array()},
               {"outputs", Json::array()}};
  for (const LayerNoise& layer : report.layers) json["layers"].push_back(layer_json(report, layer));
  for (const ModelOutputNoise& output : report.outputs) {
    Json entry = {{"name", output.name}, {"frames", output.frames}};
    entry.update(to_json(output.error));
    if (!output.skip_reason.empty()) entry["skip_reason"] = output.skip_reason;
    json["outputs"].push_back(std::move(entry));
  }
  json["unmatched"] = report.unmatched;
  json["worst"] = Json::array();
  for (const LayerAdvice& advice : findings.worst) {
    json["worst"].push_back({{"layer", report.layers[advice.layer].layer},
                             {"advice", advice.text},
                             {"script", advice.script}});
  }
  json["remarks"] = findings.remarks;
  return json;
}

}  // namespace quant
