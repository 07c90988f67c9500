// SPDX-License-Identifier: MIT
#include "quant/script/diagnostic.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

TEST(Diagnostic, ShowsTheLineAndACaret) {
  const ScriptSource source{"a.alls", "first\r\nsecond line\r\nthird"};
  EXPECT_EQ(render(source, {{2, 8}, "wrong"}), "a.alls:2:8: wrong\nsecond line\n       ^");
  EXPECT_EQ(render(source, {{3, 6}, "end"}), "a.alls:3:6: end\nthird\n     ^");
  EXPECT_EQ(render(source, {{9, 1}, "nowhere"}), "a.alls:9:1: nowhere\n\n^");
}

TEST(Diagnostic, TheCaretCountsCharactersAndTabsAreOneSpace) {
  EXPECT_EQ(render({"f", "\tä €x"}, {{1, 5}, "m"}), "f:1:5: m\n ä €x\n    ^");
}

// What a script holds must not move the cursor of the terminal that shows it.
TEST(Diagnostic, ControlCharactersAndBrokenTextAreShownAsQuestionMarks) {
  EXPECT_EQ(render({"f", "a\x1b[2J\xff"}, {{1, 1}, "m"}), "f:1:1: m\na?[2J?\n^");
  EXPECT_EQ(in_quotes("a\x1b"), "'a?'");
}

TEST(Diagnostic, OfALongLineOnlyThePartAroundTheColumn) {
  const std::string text = std::string(500, 'a') + "X" + std::string(500, 'b');
  EXPECT_EQ(render({"f", text}, {{1, 501}, "m"}), "f:1:501: m\n…" + std::string(60, 'a') + "X" +
                                                      std::string(40, 'b') + "…\n" +
                                                      std::string(61, ' ') + "^");
  EXPECT_EQ(in_quotes(text), "'" + std::string(60, 'a') + "…'");
}

TEST(Diagnostic, SeveralInTheOrderOfTheScript) {
  EXPECT_EQ(render({"f", "a\nb"}, {{{2, 1}, "y"}, {{1, 1}, "x"}}),
            "f:1:1: x\na\n^\nf:2:1: y\nb\n^");
}

}  // namespace
}  // namespace quant
