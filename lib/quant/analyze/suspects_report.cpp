// SPDX-License-Identifier: MIT
#include "quant/analyze/suspects_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace quant {
namespace {

constexpr std::size_t kColumns = 100;

// Text broken at spaces, every line behind the first under its start.
std::string wrapped(std::string_view label, std::string_view text) {
  constexpr std::size_t kLabel = 14;
  std::string result = fmt::format("  {:<{}}", label, kLabel - 2);
  std::size_t column = kLabel;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column > kLabel && column + 1 + end > kColumns) {
      result += "\n" + std::string(kLabel, ' ');
      column = kLabel;
    } else if (column > kLabel) {
      result += ' ';
      ++column;
    }
    result += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result + "\n";
}

std::string remedy_of(const Finding& finding) {
  std::string remedy = text_of(finding.suspect).remedy;
  if (!finding.advice.empty()) remedy += " " + finding.advice;
  return remedy;
}

Findings worst_first(Findings findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return static_cast<int>(a.severity) > static_cast<int>(b.severity);
  });
  return findings;
}

std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::int64_t count(const Findings& findings, Severity severity) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.severity == severity; });
}

std::string to_text(const SuspectsReport& report) {
  std::string text;
  for (const Finding& finding : worst_first(report.findings)) {
    const SuspectText& words = text_of(finding.suspect);
    text += fmt::format("{}: {}\n", to_string(finding.severity), words.id);
    text += wrapped("found", finding.found);
    text += wrapped("consequence", words.consequence);
    text += wrapped("to do", remedy_of(finding)) + "\n";
  }
  text += fmt::format(
      "{}, {}, {}; checked: {}\n", counted(count(report.findings, Severity::kError), "error"),
      counted(count(report.findings, Severity::kWarning), "warning"),
      counted(count(report.findings, Severity::kNote), "note"), fmt::join(report.checked, ", "));
  for (const SkippedCheck& skipped : report.skipped)
    text += fmt::format("not checked: {}: {}\n", skipped.check, skipped.reason);
  return text;
}

nlohmann::ordered_json to_json(const SuspectsReport& report) {
  nlohmann::ordered_json json = {{"errors", count(report.findings, Severity::kError)},
                                 {"warnings", count(report.findings, Severity::kWarning)},
                                 {"notes", count(report.findings, Severity::kNote)},
                                 {"findings", nlohmann::ordered_json::array()},
                                 {"checked", report.checked},
                                 {"skipped", nlohmann::ordered_json::array()}};
  for (const Finding& finding : worst_first(report.findings)) {
    json["findings"].push_back({{"id", text_of(finding.suspect).id},
                                {"severity", to_string(finding.severity)},
                                {"found", finding.found},
                                {"consequence", text_of(finding.suspect).consequence},
                                {"remedy", remedy_of(finding)},
                                {"evidence", finding.evidence}});
  }
  for (const SkippedCheck& skipped : report.skipped)
    json["skipped"].push_back({{"check", skipped.check}, {"reason", skipped.reason}});
  return json;
}

}  // namespace quant
