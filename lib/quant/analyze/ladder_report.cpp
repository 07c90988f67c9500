// SPDX-License-Identifier: MIT
// Printing only: every figure was made in ladder.cpp.
#include "quant/analyze/ladder_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/analyze/snr_text.h"
#include "quant/metrics/snr_json.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

// 0.999999999 must not be printed as a perfect 1.
std::string cosine_text(std::optional<double> cosine) {
  if (!cosine) return "-";
  if (*cosine < 1 && *cosine > 0.9999995) return ">0.999999";
  return fmt::format("{:.6f}", *cosine);
}

std::string rung_name(const Rung& rung) { return fmt::format("{} -> {}", rung.from, rung.to); }

// From one context to the next; not the sums of several steps, nor a hybrid beside them.
bool is_step(const LadderReport& report, const Rung& rung) {
  std::vector<std::string> steps;
  for (std::size_t i = 0; i < report.contexts.size(); ++i) {
    if (i == 0 || report.contexts[i] != "hybrid") steps.push_back(report.contexts[i]);
  }
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (rung.from == steps[i - 1] && rung.to == steps[i]) return true;
  }
  return false;
}

std::string remarks(const Rung& rung) {
  std::string text;
  const auto add = [&text](const std::string& remark) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", remark);
  };
  if (rung.worst) add(fmt::format("{} ({})", rung.worst->frame, snr_text(rung.worst->error.snr())));
  if (rung.frames > 0 && rung.error.snr().state == SnrState::kUndefined)
    add(to_string(rung.error.snr().reason));
  if (rung.classification)
    add(fmt::format("top-1 {:.1f} % the same, softmax overlap {:.3f}",
                    100 * rung.classification->top1(), rung.classification->overlap()));
  if (rung.skipped > 0) add(fmt::format("{} not compared: {}", rung.skipped, rung.skip_reason));
  return text;
}

std::string rung_line(const Rung& rung, std::size_t name_width) {
  if (rung.frames == 0)
    return fmt::format("  {:<{}}  {:>9}  {:>9}  {:>10}  {:>10}  {}\n", rung_name(rung), name_width,
                       "-", "-", "-", "-", remarks(rung));
  return fmt::format("  {:<{}}  {:>9}  {:>9}  {:>10.4g}  {:>10.4g}  {}\n", rung_name(rung),
                     name_width, snr_text(rung.error.snr()), cosine_text(rung.error.cosine()),
                     rung.error.max_abs, rung.error.mean_abs(), remarks(rung));
}

const char* blame(const std::string& context) {
  if (context == "native") return "reading the model";
  if (context == "fp-optimized") return "folding";
  if (context == "quantized") return "quantization";
  if (context == "device") return "the device, or how its answer was read";
  return "this step";
}

// Below this a step is no loss that anybody could see in float32.
constexpr double kNoLossDb = 100;

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string trimmed(std::string line) {
  const std::size_t last = line.find_last_not_of(" \n");
  line.erase(last == std::string::npos ? 0 : last + 1);
  return line + "\n";
}

Json rung_json(const Rung& rung) {
  Json json;
  json["from"] = rung.from;
  json["to"] = rung.to;
  json["frames"] = rung.frames;
  json.update(to_json(rung.error));
  if (rung.worst) {
    const Snr snr = rung.worst->error.snr();
    json["worst"] = {{"frame", rung.worst->frame},
                     {"snr_db", finite_or_null(snr.db)},
                     {"state", to_string(snr.state)}};
  }
  if (rung.classification) {
    json["top1_agreement"] = rung.classification->top1();
    json["softmax_overlap"] = rung.classification->overlap();
  }
  if (rung.skipped > 0) {
    json["skipped"] = rung.skipped;
    json["skip_reason"] = rung.skip_reason;
  }
  return json;
}

}  // namespace

std::string loss_sentence(const LadderReport& report, const OutputLadder& output) {
  const Rung* worst = nullptr;
  for (const Rung& rung : output.rungs) {
    const Snr snr = rung.error.snr();
    if (!is_step(report, rung) || rung.frames == 0 || snr.state != SnrState::kOk) continue;
    if (snr.db < kNoLossDb && (worst == nullptr || snr.db < worst->error.snr().db)) worst = &rung;
  }
  if (worst == nullptr) return "no step loses anything that can be seen";
  return fmt::format("most is lost by {} ({}, {} dB)", blame(worst->to), rung_name(*worst),
                     snr_text(worst->error.snr()));
}

std::string to_text(const LadderReport& report) {
  std::size_t name_width = 0;
  std::size_t context_width = 0;
  for (const OutputLadder& output : report.outputs)
    for (const Rung& rung : output.rungs) name_width = std::max(name_width, rung_name(rung).size());
  for (const std::string& context : report.contexts)
    context_width = std::max(context_width, context.size());

  std::string text = fmt::format("{} frame{}\n", report.frames, report.frames == 1 ? "" : "s");
  for (const OutputLadder& output : report.outputs) {
    text += fmt::format("\noutput {}  {} {}\n", output.name, to_string(output.type),
                        to_string(output.shape));
    text += trimmed(fmt::format("  {:<{}}  {:>9}  {:>9}  {:>10}  {:>10}  {}", "", name_width,
                                "SNR dB", "cosine", "max |d|", "mean |d|", "worst frame (SNR dB)"));
    for (const Rung& rung : output.rungs) text += trimmed(rung_line(rung, name_width));
    text += fmt::format("  {}\n", loss_sentence(report, output));
    for (std::size_t c = 0; c < output.first_values.size(); ++c) {
      std::string values;
      for (double value : output.first_values[c]) values += fmt::format(" {:>13.6g}", value);
      text += trimmed(fmt::format("  {:<12}  {:<{}}{}", c == 0 ? "first values" : "",
                                  report.contexts[c], context_width, values));
    }
  }
  return text;
}

nlohmann::ordered_json to_json(const LadderReport& report) {
  Json outputs = Json::array();
  for (const OutputLadder& output : report.outputs) {
    Json values = Json::object();
    for (std::size_t c = 0; c < output.first_values.size(); ++c) {
      Json& list = values[report.contexts[c]] = Json::array();
      for (double value : output.first_values[c]) list.push_back(finite_or_null(value));
    }
    Json rungs = Json::array();
    for (const Rung& rung : output.rungs) rungs.push_back(rung_json(rung));
    outputs.push_back({{"name", output.name},
                       {"type", to_string(output.type)},
                       {"shape", output.shape},
                       {"first_values", values},
                       {"loss", loss_sentence(report, output)},
                       {"rungs", rungs}});
  }
  return {{"contexts", report.contexts}, {"frames", report.frames}, {"outputs", outputs}};
}

}  // namespace quant
