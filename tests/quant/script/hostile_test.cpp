// SPDX-License-Identifier: MIT
// Whatever bytes a script holds: an error or a value, never a crash, and not for ever.
#include <gmock/gmock.h>

#include <random>
#include <string>

#include "quant/script/model_script.h"
#include "quant/script/parser.h"
#include "quant/script/resolve.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

// Reads, shows the errors and resolves: all that a user's file can reach.
ScriptReading exercise(const std::string& text) {
  static const std::vector<Layer> layers = {{"conv1", "conv", {"/Conv"}, "net"},
                                            {"fc1", "fc", {"/Gemm"}, "net"}};
  ScriptReading reading = read_model_script({"hostile", text});
  render(reading.script.source, reading.errors);
  const Resolution resolution = resolve_as_far_as_possible(reading.script, layers);
  render(reading.script.source, resolution.errors);
  return reading;
}

const std::string& sample() {
  static const std::string text =
      "# sample ü\nn1 = normalization([123.675, 116.28], [58.395, 57.12])\r\n"
      "quantization_param([net/conv1, {fc[0-9]*}, \"/Conv\"], precision_mode=a16_w16)\n"
      "a, b = defuse(conv1, 2, defuse_type=SPATIAL)\nctx.place(0, [conv1])\n"
      "post_quantization_optimization(finetune, policy=enabled,\n  loss_types=[l2rel, ce],\n"
      "  learning_rate=1e-5)\n";
  return text;
}

TEST(HostileScript, TheSampleItselfIsRight) { EXPECT_THAT(exercise(sample()).errors, SizeIs(0)); }

TEST(HostileScript, TooLarge) {
  const auto reading = exercise(std::string(10'000'000, '['));
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_THAT(reading.errors[0].message, HasSubstr("the limit is 4194304"));
}

TEST(HostileScript, MegabytesOfOneCharacter) {
  for (const char c : std::string("[](){}\"'=,#.-_a0*?\n\r\t ")) {
    const std::string many(1'000'000, c);
    EXPECT_THAT(exercise(many).errors, SizeIs(Le(kMaxErrors + 1))) << c;
    EXPECT_THAT(exercise("f(" + many).errors, SizeIs(Le(kMaxErrors + 1))) << c;
  }
}

TEST(HostileScript, ManyStatementsTokensAndNames) {
  std::string statements;
  for (std::size_t i = 0; i < kMaxStatements + 10; ++i) statements += "place(1)\n";
  EXPECT_THAT(exercise(statements).errors, SizeIs(1));
  std::string names = "quantization_param([";
  for (int i = 0; i < 300'000; ++i) names += "x" + std::to_string(i) + ",\n";
  exercise(names + "], precision_mode=a8_w8)");
  std::string arguments = "normalization(";
  for (int i = 0; i < 300'000; ++i) arguments += "x" + std::to_string(i) + "=1,";
  exercise(arguments + ")");
  std::string commas = "a";
  for (int i = 0; i < 500'000; ++i) commas += ", a";
  exercise(commas + "\n" + commas);
}

TEST(HostileScript, LongNames) {
  const std::string name(3'000'000, 'x');
  exercise(name + "(1)");
  exercise("normalization(" + name + "=1)");
  exercise("quantization_param(" + name + ", precision_mode=a8_w8)");
  exercise("quantization_param({" + name + "*}, precision_mode=" + name + ")");
}

TEST(HostileScript, EveryTruncation) {
  for (std::size_t length = 0; length <= sample().size(); ++length)
    exercise(sample().substr(0, length));
}

TEST(HostileScript, EveryByteReplaced) {
  for (std::size_t i = 0; i < sample().size(); ++i) {
    for (const char c : {'\0', '\xff', '\xc3', '(', ')', '[', '{', '"', '\n', '=', ','}) {
      std::string text = sample();
      text[i] = c;
      exercise(text);
    }
  }
}

TEST(HostileScript, RandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    exercise(text);
  }
}

TEST(HostileScript, RandomTokens) {
  const std::vector<std::string> pieces = {"(",
                                           ")",
                                           "[",
                                           "]",
                                           "{conv*}",
                                           "{",
                                           "}",
                                           "\"/Conv\"",
                                           "'",
                                           "=",
                                           ",",
                                           "\n",
                                           "\r\n",
                                           "#",
                                           " ",
                                           "conv1",
                                           "net/conv1",
                                           "1e-5",
                                           "-1",
                                           "quantization_param",
                                           "normalization",
                                           "finetune",
                                           "post_quantization_optimization",
                                           "policy",
                                           "enabled",
                                           "layers",
                                           "precision_mode",
                                           "a16_w16",
                                           "ctx.place",
                                           "model_optimization_config",
                                           "ü",
                                           "."};
  std::mt19937 random(2);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::size_t i = random() % 40; i > 0; --i) text += pieces[random() % pieces.size()];
    exercise(text);
  }
}

}  // namespace
}  // namespace quant
