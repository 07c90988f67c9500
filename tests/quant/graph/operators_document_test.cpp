// SPDX-License-Identifier: MIT
// docs/operators.md lists what the table of operators holds, no more and no less.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "quant/graph/operator.h"

namespace quant {
namespace {

TEST(OperatorsDocument, ListsEverySupportedOperator) {
  std::ifstream document(GST_QUANT_SOURCE_DIR "/docs/operators.md");
  ASSERT_TRUE(document.is_open());
  // A row of a table begins with the operator: | Conv | …
  const std::regex row(R"(^\| ([A-Z][A-Za-z0-9]+) \|.*)");
  std::set<std::string> listed;
  for (std::string line; std::getline(document, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) listed.insert(match[1]);
  }
  std::set<std::string> supported;
  for (const OpKind kind : supported_operators()) supported.insert(to_string(kind));
  EXPECT_EQ(listed, supported);
}

}  // namespace
}  // namespace quant
