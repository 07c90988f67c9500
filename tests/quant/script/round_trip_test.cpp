// SPDX-License-Identifier: MIT
// Printing a script that was read and reading it again gives the same, as a tree and as values.
#include <gmock/gmock.h>

#include <random>
#include <string>

#include "quant/script/command_table.h"
#include "quant/script/parser.h"

namespace quant {
namespace {

using ::testing::IsEmpty;

class RandomScript {
 public:
  explicit RandomScript(unsigned seed) : random_(seed) {}

  // One statement a line and no comment, so that printing keeps the lines.
  std::string text() {
    std::string script;
    for (std::size_t i = 1 + below(8); i > 0; --i) script += statement() + "\n";
    return script;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  std::string space() { return pick({"", "", " ", "  "}); }

  std::string statement() {
    const Command& command = commands()[below(commands().size())];
    std::string text = below(3) == 0 ? "a1" + space() + "=" + space() : "";
    text += command.name + space() + "(" + space();
    std::string arguments = command.feature;
    for (const Parameter& parameter : command.parameters) {
      if (!parameter.is_required && below(2) == 0) continue;
      arguments += arguments.empty() ? "" : space() + "," + space();
      arguments += parameter.name + space() + "=" + space() + value_of(parameter);
    }
    if (!command.is_carried_out) arguments += (arguments.empty() ? "" : ", ") + any_value(0);
    return text + arguments + space() + ")" + space();
  }

  std::string value_of(const Parameter& parameter) {
    const std::string& type = parameter.type;
    if (parameter.name == "mean" || parameter.name == "std") return "[0.5, 1e-3, 255.]";
    if (type.starts_with("a list of 2, each an integer")) return "[7, 9]";
    if (type.starts_with("a list") && !parameter.words.empty())
      return "[" + pick(parameter.words) + "]";
    if (type.starts_with("a list of 2")) return "[20, 2.5]";
    if (type.starts_with("a list, each l2rel")) return "[l2, CE]";
    if (type.starts_with("a list")) return "[1, 0.5]";
    if (type.starts_with("a range")) return "[0.25, 99.5]";
    if (type.starts_with("an integer")) return pick({"1", "2", "+3"});
    if (type.starts_with("a number")) return pick({"0.5", "1e-4", "1", "0."});
    if (type.starts_with("a precision")) return pick({"a8_w8", "a16_w16", "A16_W8_a16"});
    if (type.starts_with("a layer's")) {
      return pick({"conv1", "net/conv1", "{conv*}", "{c[0-9]?}", "\"/a b/Conv\"", "'say \"so\"'",
                   "[conv1, {fc*}, \"/x\"]"});
    }
    if (!parameter.words.empty()) return pick(parameter.words);
    return pick({"word", "\"some text\""});
  }

  std::string any_value(int depth) {
    if (depth < 4 && below(3) == 0) {
      std::string items;
      for (std::size_t i = below(4); i > 0; --i)
        items += (items.empty() ? "" : "," + space()) + any_value(depth + 1);
      return "[" + items + "]";
    }
    return pick({"-1", "5h", "FULL_ROW", "concat_d0-1", "{x*}", "'ü'", "True", "1.50"});
  }

  std::mt19937 random_;
};

TEST(ScriptRoundTrip, RandomScripts) {
  std::size_t values = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const std::string text = RandomScript(seed).text();
    const Syntax syntax = parse_syntax(text);
    ASSERT_THAT(syntax.errors, IsEmpty()) << text;
    const std::string printed = to_text(syntax.statements);
    const Syntax again = parse_syntax(printed);
    ASSERT_EQ(again.statements, syntax.statements) << text;
    ASSERT_EQ(to_text(again.statements), printed);

    // Values that do not fit together are errors; those have to be the same too.
    const ScriptReading first = read_model_script({"s", text});
    ScriptReading second = read_model_script({"s", printed});
    ASSERT_EQ(first.errors.size(), second.errors.size()) << text;
    second.script.source = first.script.source;
    if (!first.errors.empty()) continue;
    ++values;
    ASSERT_TRUE(second.script == first.script) << text;
  }
  EXPECT_GT(values, 1000U);
}

}  // namespace
}  // namespace quant
