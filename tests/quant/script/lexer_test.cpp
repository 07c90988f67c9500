// SPDX-License-Identifier: MIT
#include "quant/script/lexer.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace quant {
namespace {

using ::testing::ElementsAre;

std::vector<Token> tokens(std::string_view text) {
  Lexer lexer(text);
  std::vector<Token> all;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next())
    all.push_back(token);
  return all;
}

std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> all;
  for (const Token& token : tokens(text)) all.emplace_back(token.text);
  return all;
}

Token only(std::string_view text) {
  const auto all = tokens(text);
  EXPECT_EQ(all.size(), 1U) << text;
  return all.empty() ? Token{} : all[0];
}

TEST(Lexer, SplitsAStatement) {
  EXPECT_THAT(texts("a, b = net/conv1.x(  [1,{c*}], key='v w') # rest ("),
              ElementsAre("a", ",", "b", "=", "net/conv1.x", "(", "[", "1", ",", "c*", "]", ",",
                          "key", "=", "v w", ")"));
}

TEST(Lexer, Numbers) {
  for (const auto& [text, number] :
       std::vector<std::pair<std::string, double>>{{"0", 0.0},
                                                   {"-100", -100.0},
                                                   {"0.", 0.0},
                                                   {".5", 0.5},
                                                   {"1e-5", 1e-5},
                                                   {"1.0e-4", 1e-4},
                                                   {"+7", 7.0},
                                                   {"0.9999999999999999", 0.9999999999999999}}) {
    const Token token = only(text);
    EXPECT_EQ(token.kind, TokenKind::kNumber) << text;
    EXPECT_EQ(token.number, number) << text;
  }
}

TEST(Lexer, WordsOfCompilersAreNames) {
  for (const char* text : {"conv1", "_a", "net/conv1", "yolov6n_0.2.1/conv1", "concat_d0-1_to_x",
                           "True", "a16_w16", "3ddfa/conv1", "25m", "inf", "nan"}) {
    const Token token = only(text);
    EXPECT_EQ(token.kind, TokenKind::kWord) << text;
    EXPECT_EQ(token.text, text);
  }
}

TEST(Lexer, WhatIsNeitherNumberNorName) {
  for (const char* text : {"1.2.3", "-", "--1", "+-1", "-inf", "1e", "0x10", "12conv", "."}) {
    const Token token = only(text);
    EXPECT_EQ(token.kind, TokenKind::kInvalid) << text;
    EXPECT_EQ(token.error, "'" + std::string(text) + "' is neither a number nor a name");
  }
  EXPECT_EQ(only("1e999").error, "the number '1e999' is too large or too small");
}

TEST(Lexer, StringsAndGlobsEndOnTheirLine) {
  EXPECT_EQ(only("\"it's\"").text, "it's");
  EXPECT_EQ(only("'say \"so\"'").text, "say \"so\"");
  EXPECT_EQ(only("{conv[0-9]*}").kind, TokenKind::kGlob);
  EXPECT_EQ(only("{}").text, "");
  EXPECT_EQ(tokens("\"open\n'x'")[0].error, "'\"' is not closed by '\"' on its line");
  EXPECT_EQ(tokens("{conv*\n}")[0].error, "'{' is not closed by '}' on its line");
}

TEST(Lexer, APatternWithoutBracesIsTold) {
  EXPECT_EQ(only("conv*").error, "a pattern stands in braces: '{conv*}'");
}

TEST(Lexer, PlacesCountCharacters) {
  // Two bytes of UTF-8 are one column; \r belongs to the line's end.
  const auto all = tokens("\"ä\" b\r\n  c # ü\r\n\td");
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[1].at, (SourcePosition{1, 5}));
  EXPECT_FALSE(all[1].first_on_line);
  EXPECT_EQ(all[2].at, (SourcePosition{2, 3}));
  EXPECT_EQ(all[2].end, (SourcePosition{2, 4}));
  EXPECT_TRUE(all[2].first_on_line);
  EXPECT_EQ(all[3].at, (SourcePosition{3, 2}));
  EXPECT_TRUE(all[3].first_on_line);
}

TEST(Lexer, AByteOrderMarkIsNoText) {
  EXPECT_THAT(texts("\xEF\xBB\xBF"
                    "a"),
              ElementsAre("a"));
}

TEST(Lexer, EndsForEver) {
  Lexer lexer("a");
  lexer.next();
  EXPECT_EQ(lexer.next().kind, TokenKind::kEnd);
  EXPECT_EQ(lexer.next().kind, TokenKind::kEnd);
}

}  // namespace
}  // namespace quant
