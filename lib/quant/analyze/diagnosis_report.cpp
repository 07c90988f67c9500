// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "quant/analyze/snr_text.h"
#include "quant/metrics/snr_json.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

std::string db_text(const Outcome& outcome) {
  if (outcome.share < Trial::kLeastShare) return "not comparable";
  const std::string text = snr_text(outcome.error.snr());
  return outcome.error.snr().state == SnrState::kOk ? text + " dB" : text;
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMost) text += fmt::format(" and {} more", names.size() - kMost);
  return text;
}

std::vector<std::string> names_with(const Diagnosis& diagnosis, Verdict verdict) {
  std::vector<std::string> names;
  for (const OutputDiagnosis& output : diagnosis.outputs) {
    if (output.verdict == verdict) names.push_back(output.name);
  }
  return names;
}

// Outputs by what explains them, in the order of the outputs.
std::vector<std::pair<std::string, std::vector<std::string>>> groups(const Diagnosis& diagnosis) {
  std::vector<std::pair<std::string, std::vector<std::string>>> result;
  for (const OutputDiagnosis& output : diagnosis.outputs) {
    if (output.verdict != Verdict::kExplained) continue;
    const std::string what = ids_of(output.search.explanations.front().causes);
    auto group = std::find_if(result.begin(), result.end(),
                              [&](const auto& known) { return known.first == what; });
    if (group == result.end()) group = result.insert(result.end(), {what, {}});
    group->second.push_back(output.name);
  }
  return result;
}

std::string explained_text(const OutputDiagnosis& output) {
  const Candidate& best = output.search.explanations.front();
  std::string text = fmt::format("{}: {}\n", output.name, sentence_of(best.causes));
  text += fmt::format("  {} before, {} with that repaired", db_text(output.search.before),
                      db_text(best.outcome));
  if (best.outcome.share < 0.999) {
    text +=
        fmt::format(" (of the {:.0f} % of its elements that are left)", 100 * best.outcome.share);
  }
  text += "\n";
  for (std::size_t i = 1; i < std::min(output.search.explanations.size(), kTried); ++i) {
    text += fmt::format("  cannot be told from: {}\n",
                        sentence_of(output.search.explanations[i].causes));
  }
  return text;
}

std::string residual_text(const OutputDiagnosis& output) {
  const Residual& r = output.residual;
  std::string text = fmt::format("{}: none of these; it resembles {}\n", output.name, r.resembles);
  text += fmt::format(
      "  {}, rms {:.4g}, bias {:.4g}, correlation {:.4f}, gain {:.4g}, kurtosis "
      "{:.3g}, {:.1f} % equal\n",
      db_text(output.search.before), r.rms, r.bias, r.correlation, r.gain, r.tails,
      100 * r.equal_share);
  std::string channels;
  for (const ChannelNoise& channel : r.channels) {
    channels += fmt::format("{}{} ({:.1f} %)", channels.empty() ? "" : ", ", channel.channel,
                            100 * channel.share);
  }
  text += fmt::format("  most noise in channels {}; border {:.2g}, corners {:.2g} times the rest\n",
                      channels, r.border, r.corners);
  if (!output.search.tried.empty()) {
    const Candidate& best = output.search.tried.front();
    text += fmt::format("  the best that was tried, {}, leaves {}\n", ids_of(best.causes),
                        db_text(best.outcome));
  }
  return text;
}

Json causes_json(const std::vector<Cause>& causes) {
  Json list = Json::array();
  for (const Cause& cause : causes) {
    list.push_back({{"id", text_of(cause.fault).id},
                    {"found", cause.found},
                    {"remedy", text_of(cause.fault).remedy}});
  }
  return list;
}

Json candidate_json(const Candidate& candidate) {
  Json json = {{"ids", ids_of(candidate.causes)}, {"causes", causes_json(candidate.causes)}};
  json["share"] = candidate.outcome.share;
  json["after"] = to_json(candidate.outcome.error);
  return json;
}

Json residual_json(const Residual& r) {
  Json json = {{"resembles", r.resembles},
               {"rms", r.rms},
               {"bias", r.bias},
               {"correlation", r.correlation},
               {"gain", r.gain},
               {"offset", r.offset},
               {"line_db", r.line_db},
               {"channel_lines_db", r.channel_lines_db},
               {"equal_share", r.equal_share},
               {"non_finite", r.non_finite},
               {"kurtosis", r.tails},
               {"steps", r.steps ? Json(*r.steps) : Json()},
               {"neighbour_correlation", r.neighbours},
               {"border_ratio", r.border},
               {"corner_ratio", r.corners},
               {"worst_row", {{"row", r.worst_row}, {"share", r.row_share}}},
               {"worst_column", {{"column", r.worst_column}, {"share", r.column_share}}},
               {"period", r.period},
               {"period_axis", r.period == 0         ? ""
                               : r.period_of_columns ? "columns"
                                                     : "rows"},
               {"at_least_share", r.at_least},
               {"at_greatest_share", r.at_greatest},
               {"shift", {{"x", r.shift_x}, {"y", r.shift_y}, {"db", r.shift_db}}}};
  json["channels"] = Json::array();
  for (const ChannelNoise& channel : r.channels) {
    json["channels"].push_back({{"channel", channel.channel},
                                {"share", channel.share},
                                {"bias", channel.bias},
                                {"gain", channel.gain}});
  }
  return json;
}

}  // namespace

std::string sentence_of(const Diagnosis& diagnosis) {
  const auto agree = names_with(diagnosis, Verdict::kAgree);
  const auto none = names_with(diagnosis, Verdict::kNone);
  if (agree.size() == diagnosis.outputs.size()) return "Both sides agree.";
  std::string text;
  for (const auto& [what, names] : groups(diagnosis)) {
    const bool all = names.size() == diagnosis.outputs.size();
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ",
                        all && names.size() > 1 ? "all outputs" : list_of(names), what);
  }
  if (!none.empty()) {
    text += fmt::format(
        "{}{}: none of these", text.empty() ? "" : "; ",
        none.size() == diagnosis.outputs.size() && none.size() > 1 ? "all outputs" : list_of(none));
  }
  if (!agree.empty())
    text += fmt::format("; {} agree{}", list_of(agree), agree.size() > 1 ? "" : "s");
  return text + ".";
}

std::string to_text(const Diagnosis& diagnosis) {
  std::string text = sentence_of(diagnosis) + "\n";
  std::vector<Fault> named;
  for (const OutputDiagnosis& output : diagnosis.outputs) {
    switch (output.verdict) {
      case Verdict::kAgree:
        text += fmt::format("\n{}: agrees ({})\n", output.name, db_text(output.search.before));
        break;
      case Verdict::kExplained:
        text += "\n" + explained_text(output);
        for (const Cause& cause : output.search.explanations.front().causes) {
          if (std::find(named.begin(), named.end(), cause.fault) == named.end())
            named.push_back(cause.fault);
        }
        break;
      case Verdict::kNone:
        text += "\n" + residual_text(output);
        break;
    }
  }
  if (!named.empty()) text += "\nto change:\n";
  for (const Fault fault : named)
    text += fmt::format("  {}: {}\n", text_of(fault).id, text_of(fault).remedy);
  if (!diagnosis.untested.empty()) text += "\n";
  for (const UntestedFaults& untested : diagnosis.untested)
    text += fmt::format("not tested: {}: {}\n", untested.faults, untested.reason);
  return text;
}

Json to_json(const Diagnosis& diagnosis) {
  Json json = {{"sentence", sentence_of(diagnosis)},
               {"frames", diagnosis.frames},
               {"outputs", Json::array()},
               {"untested", Json::array()}};
  for (const OutputDiagnosis& output : diagnosis.outputs) {
    Json entry = {{"name", output.name},
                  {"verdict", to_string(output.verdict)},
                  {"ids", ""},
                  {"before", to_json(output.search.before.error)},
                  {"before_share", output.search.before.share},
                  {"explanations", Json::array()},
                  {"residual", residual_json(output.residual)},
                  {"tried", Json::array()}};
    for (const Candidate& candidate : output.search.explanations)
      entry["explanations"].push_back(candidate_json(candidate));
    if (output.verdict == Verdict::kExplained)
      entry["ids"] = ids_of(output.search.explanations.front().causes);
    for (const Candidate& candidate : output.search.tried)
      entry["tried"].push_back(candidate_json(candidate));
    json["outputs"].push_back(std::move(entry));
  }
  for (const UntestedFaults& untested : diagnosis.untested)
    json["untested"].push_back({{"faults", untested.faults}, {"reason", untested.reason}});
  return json;
}

}  // namespace quant
