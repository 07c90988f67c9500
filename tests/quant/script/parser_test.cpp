// SPDX-License-Identifier: MIT
#include "quant/script/parser.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// As the printer writes what was read: the shape of the tree in one line a statement.
std::string reprinted(std::string_view text) {
  const Syntax syntax = parse_syntax(text);
  EXPECT_THAT(syntax.errors, IsEmpty()) << text;
  return to_text(syntax.statements);
}

TEST(Parser, EveryFormOfStatement) {
  EXPECT_EQ(reprinted("f()"), "f()\n");
  EXPECT_EQ(reprinted("a=f(b,k=1)"), "a = f(b, k=1)\n");
  EXPECT_EQ(reprinted("a, b , c=f([x,[1,2]], \"p q\", {c*})"),
            "a, b, c = f([x, [1, 2]], \"p q\", {c*})\n");
  EXPECT_EQ(reprinted("context_0.place(0, [conv1, conv2])"),
            "context_0.place(0, [conv1, conv2])\n");
  EXPECT_EQ(reprinted("{} = defuse_block(matmul1, defuse_count=4)"),
            "{} = defuse_block(matmul1, defuse_count=4)\n");
}

TEST(Parser, EmptyLinesCommentsAndTrailingCommas) {
  EXPECT_EQ(reprinted("\n# f(\n\nf(a,) # g()\r\n  g([1,],)\n#"), "f(a)\ng([1])\n");
  EXPECT_EQ(reprinted(""), "");
}

TEST(Parser, AStatementSpansLinesInsideBrackets) {
  EXPECT_EQ(reprinted("f(finetune, # first\n   loss = [a,\n b],\n   n=2\n)\ng()"),
            "f(finetune, loss=[a, b], n=2)\ng()\n");
}

TEST(Parser, AMethodHasAReceiver) {
  const Syntax syntax = parse_syntax("net.ctx.place(1)");
  ASSERT_THAT(syntax.statements, SizeIs(1));
  EXPECT_EQ(syntax.statements[0].receiver, "net.ctx");
  EXPECT_EQ(syntax.statements[0].command, "place");
}

TEST(Parser, PlacesOfStatementsArgumentsAndValues) {
  const Syntax syntax = parse_syntax("\nab = f(x, k = [1])");
  ASSERT_THAT(syntax.statements, SizeIs(1));
  const Statement& statement = syntax.statements[0];
  EXPECT_EQ(statement.at, (SourcePosition{2, 6}));
  EXPECT_EQ(statement.end, (SourcePosition{2, 19}));
  EXPECT_EQ(statement.arguments[1].at, (SourcePosition{2, 11}));
  EXPECT_EQ(statement.arguments[1].value.items[0].at, (SourcePosition{2, 16}));
}

TEST(Parser, GoesOnAtTheNextStatementAfterAnError) {
  const Syntax syntax = parse_syntax(
      "f(1\n"  // its end is missing
      "g(2)\n"
      "h(3,\n"  // likewise, after a comma
      "i = j(4)\n"
      "k(5, $,\n"  // the lines that belong to it are not looked at again
      "  l=[6,\n"
      "  7])\n"
      "m(8) n(9)\n"
      "o([1, 2)\n"
      "p(10)\n");
  EXPECT_THAT(syntax.errors, SizeIs(5));
  EXPECT_EQ(to_text(syntax.statements), "g(2)\ni = j(4)\np(10)\n");
}

TEST(Parser, NestingHasALimit) {
  const auto nested = [](int depth) {
    return "f(" + std::string(static_cast<std::size_t>(depth), '[') + "1" +
           std::string(static_cast<std::size_t>(depth), ']') + ")";
  };
  EXPECT_THAT(parse_syntax(nested(kMaxNesting)).errors, IsEmpty());
  EXPECT_THAT(parse_syntax(nested(kMaxNesting + 1)).errors, SizeIs(1));
}

TEST(Parser, ErrorsHaveALimit) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "f(\n";
  const Syntax syntax = parse_syntax(text);
  EXPECT_THAT(syntax.errors, SizeIs(kMaxErrors + 1));
  EXPECT_EQ(syntax.errors.back().message, "too many errors: the rest is not read");
}

}  // namespace
}  // namespace quant
