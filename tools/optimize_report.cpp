// SPDX-License-Identifier: MIT
#include "optimize_report.h"

#include <fmt/format.h>

namespace quant::tool {
namespace {

using Json = nlohmann::ordered_json;

Json point_json(const PrecisionTradeOff& point) {
  const auto array = [](const std::vector<std::optional<double>>& values) {
    Json result = Json::array();
    for (const auto& value : values) result.push_back(value ? Json(*value) : Json());
    return result;
  };
  return {{"bit_operations", point.bit_operations},
          {"snr_db", array(point.snr_db)},
          {"least_db", array(point.least_db)}};
}

// Where the parameters come from.
std::string origin(const OptimizeReport& report, const OptimizedModel& optimized) {
  if (!optimized.imported)
    return fmt::format("calibrated on {} frames ({})", report.frames.frames, report.method);
  if (optimized.calibrated.empty()) return "parameters imported from the model";
  return fmt::format(
      "parameters imported from the model; it has none for {} tensors, calibrated on {} frames: {}",
      optimized.calibrated.size(), report.frames.frames, fmt::join(optimized.calibrated, ", "));
}

std::string columns_of(const std::vector<std::optional<double>>& values) {
  std::string text;
  for (const auto& value : values)
    text += value ? fmt::format(" {:>9.2f}", *value) : fmt::format(" {:>9}", "-");
  return text;
}

void append_point(std::string& text, const PrecisionTradeOff& point, double least,
                  const char* remark) {
  text += fmt::format("  {:>14.3f} {:>9.2f}x {}{}\n", point.bit_operations / 1e9,
                      point.bit_operations / least, columns_of(point.snr_db), remark);
}

void append_curve(std::string& text, const PrecisionSearchResult& precision) {
  const double least = precision.curve.front().bit_operations;
  text += "\n  bit operations            SNR dB, by output\n  (10^9 a frame)\n";
  for (const PrecisionTradeOff& point : precision.curve) append_point(text, point, least, "");
  append_point(text, precision.reached, least, "   chosen");
  text += fmt::format("  {:>25} {}   at least, on frames like these (95 % sure)\n", "",
                      columns_of(precision.reached.least_db));
  text += fmt::format("  judged on {} frames, {}\n", precision.frames,
                      precision.held_back
                          ? "held back from the ranges"
                          : "which set the ranges too: 32 frames or more allow to hold some back");
}

}  // namespace

Json report_json(const OptimizeReport& report, const OptimizedModel& optimized) {
  Json json = {{"output", report.output},
               {"frames", report.frames.frames},
               {"skipped", report.frames.skipped.size()},
               {"layers", optimized.model.integer.nodes.size()},
               {"host_layers", optimized.model.host.nodes.size()},
               {"warnings", report.warnings},
               {"notes", optimized.notes}};
  if (optimized.imported) json["imported"] = {{"calibrated", optimized.calibrated}};
  if (!optimized.precision_lines.empty()) json["precision"] = optimized.precision_lines;
  if (optimized.copied) {
    Json& copied = json["copied"];
    copied["products_added"] = optimized.copied->added;
    copied["gain_db"] = optimized.copied->gain_db;
    for (const ChannelSplit& split : optimized.copied->splits)
      copied["layers"][split.layer] = split.copies;
  }
  if (optimized.finetuned) {
    json["finetuned"] = {{"snr_db_before", optimized.finetuned->before},
                         {"snr_db_after", optimized.finetuned->after}};
  }
  if (optimized.rounded)
    json["rounded"] = {{"layers", optimized.rounded->tried},
                       {"kept", optimized.rounded->kept},
                       {"fitted", optimized.rounded->fitted.size()}};
  if (optimized.precision) {
    Json& search = json["precision_search"];
    search["frames"] = optimized.precision->frames;
    search["held_back"] = optimized.precision->held_back;
    search["reached"] = point_json(optimized.precision->reached);
    search["curve"] = Json::array();
    for (const PrecisionTradeOff& point : optimized.precision->curve)
      search["curve"].push_back(point_json(point));
  }
  return json;
}

std::string report_text(const OptimizeReport& report, const OptimizedModel& optimized) {
  std::string text = fmt::format("{}: {} integer layers, {} on the host, {}\n", report.output,
                                 optimized.model.integer.nodes.size(),
                                 optimized.model.host.nodes.size(), origin(report, optimized));
  if (optimized.copied && !optimized.copied->splits.empty()) {
    std::string layers;
    for (const ChannelSplit& split : optimized.copied->splits)
      layers += fmt::format("{}{} times {}", layers.empty() ? "" : ", ", split.copies, split.layer);
    text += fmt::format("copies of layers: {}; {:.1f} % more products, {:+.2f} dB\n", layers,
                        100 * optimized.copied->added, optimized.copied->gain_db);
  }
  if (optimized.finetuned) {
    text += fmt::format("fine-tuned: {:.2f} -> {:.2f} dB on frames that were held back\n",
                        optimized.finetuned->before, optimized.finetuned->after);
  }
  if (optimized.rounded) {
    text += fmt::format("weights rounded by what they meet: kept in {} of {} layers",
                        optimized.rounded->kept, optimized.rounded->tried);
    const std::size_t fitted = optimized.rounded->fitted.size();
    text += fitted > 0 ? fmt::format(", {} of them fitted first\n", fitted) : "\n";
  }
  if (optimized.precision) append_curve(text, *optimized.precision);
  if (!optimized.precision_lines.empty()) {
    text += "\nprecision, as lines of a model script\n";
    for (const std::string& line : optimized.precision_lines) text += "  " + line + "\n";
  }
  return text;
}

}  // namespace quant::tool
