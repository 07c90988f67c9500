// SPDX-License-Identifier: MIT
// docs/model-scripts.md lists the commands and parameters of the table, no more and no less.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <string>
#include <vector>

#include "quant/script/command_table.h"

namespace quant {
namespace {

std::string cell(const std::string& text) { return text.empty() ? "" : " " + text; }

// The headings and rows that the document has of the commands.
std::vector<std::string> expected_lines() {
  std::vector<std::string> lines;
  for (const Command& command : commands()) {
    if (!command.is_carried_out) {
      lines.push_back(fmt::format("| `{}` | {} |", command.label(), command.description));
      continue;
    }
    lines.push_back(fmt::format("### `{}`", command.label()));
    lines.push_back(command.description);
    for (const Parameter& parameter : command.parameters) {
      const std::string mark = parameter.is_positional ? "**" : "";
      const std::string name = mark + "`" + parameter.name + "`" + mark;
      const std::string default_text = parameter.is_required ? "required"
                                       : parameter.default_text.empty()
                                           ? ""
                                           : "`" + parameter.default_text + "`";
      lines.push_back(fmt::format("| {} | {} |{} | {} |", name, parameter.type, cell(default_text),
                                  parameter.description));
    }
  }
  return lines;
}

TEST(CommandsDocument, ListsEveryCommandAndParameter) {
  std::ifstream document(GST_QUANT_SOURCE_DIR "/docs/model-scripts.md");
  ASSERT_TRUE(document.is_open());
  std::vector<std::string> listed;
  bool is_reference = false;
  bool follows_heading = false;
  for (std::string line; std::getline(document, line);) {
    is_reference = is_reference || line == "## Commands";
    if (!is_reference) continue;
    const bool is_heading = line.starts_with("### `");
    const bool is_row = line.starts_with("| `") || line.starts_with("| **`");
    if (is_heading || is_row || (follows_heading && !line.empty())) listed.push_back(line);
    if (is_heading) {
      follows_heading = true;
    } else if (!line.empty()) {
      follows_heading = false;
    }
  }
  EXPECT_EQ(listed, expected_lines());
}

TEST(CommandTable, FindsByNameAndFeature) {
  ASSERT_NE(find_command("normalization"), nullptr);
  EXPECT_EQ(find_command("normalization", "calibration"), nullptr);
  ASSERT_NE(find_command("model_optimization_config", "calibration"), nullptr);
  EXPECT_EQ(find_command("model_optimization_config"), nullptr);
  EXPECT_EQ(find_command("normalisation"), nullptr);
}

// A name that stands twice would hide one of them.
TEST(CommandTable, NoNameTwice) {
  for (const Command& command : commands())
    EXPECT_EQ(find_command(command.name, command.feature), &command) << command.label();
}

}  // namespace
}  // namespace quant
