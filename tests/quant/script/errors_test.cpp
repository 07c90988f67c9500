// SPDX-License-Identifier: MIT
// Every kind of error with its exact text: message, source line, caret.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "quant/script/model_script.h"
#include "quant/script/parser.h"

namespace quant {
namespace {

std::string errors_of(const std::string& text) {
  const auto script = parse_model_script({"s", text});
  return script ? "" : script.error().message;
}

struct Case {
  std::string text;
  std::string error;
};

void expect_errors(const std::vector<Case>& cases) {
  for (const auto& [text, error] : cases) EXPECT_EQ(errors_of(text), error) << text;
}

TEST(ScriptErrors, OfTheText) {
  expect_errors({
      {"f(1) $", "s:1:6: unexpected character '$'\nf(1) $\n     ^"},
      {"place(“a”)", "s:1:7: unexpected character '“'\nplace(“a”)\n      ^"},
      {"place(\"a)", "s:1:7: '\"' is not closed by '\"' on its line\nplace(\"a)\n      ^"},
      {"place({a)", "s:1:7: '{' is not closed by '}' on its line\nplace({a)\n      ^"},
      {"place(1.2.3)", "s:1:7: '1.2.3' is neither a number nor a name\nplace(1.2.3)\n      ^"},
      {"place(1e999)",
       "s:1:7: the number '1e999' is too large or too small\nplace(1e999)\n      ^"},
      {"place(conv*)", "s:1:7: a pattern stands in braces: '{conv*}'\nplace(conv*)\n      ^"},
      {"place(1)\xff", "s:1:9: this is not UTF-8 text\nplace(1)?\n        ^"},
      {std::string("a\0b", 3), "s:1:2: there is a NUL byte here: this is not text\na?b\n ^"},
  });
}

TEST(ScriptErrors, OfTheSyntax) {
  const std::string command = "expected a command: name(arguments) or result = name(arguments)";
  expect_errors({
      {"42", "s:1:1: " + command + "\n42\n^"},
      {"a =", "s:1:4: " + command + "\na =\n   ^"},
      {"a =\nplace()", "s:1:4: " + command + "\na =\n   ^"},
      {"place", "s:1:6: expected '(' or '=' after 'place'\nplace\n     ^"},
      {"place\n(1)", "s:1:6: expected '(' after 'place'\nplace\n     ^"},
      {"a, = f()", "s:1:4: expected a name\na, = f()\n   ^"},
      {"a b()", "s:1:3: expected '(' or '=' after 'a'\na b()\n  ^"},
      {"a = b c", "s:1:7: expected '(' after 'b'\na = b c\n      ^"},
      {"{x}(1)", "s:1:1: " + command + "\n{x}(1)\n^"},
      {"place(1", "s:1:6: this is never closed by ')'\nplace(1\n     ^"},
      {"place([1", "s:1:7: this is never closed by ']'\nplace([1\n      ^"},
      {"place(1\nplace(2)", "s:1:8: expected ',' or ')'\nplace(1\n       ^"},
      {"place(1,\nplace(2)", "s:1:9: expected a value or ')'\nplace(1,\n        ^"},
      {"place([1,\nplace(2)", "s:1:10: expected a value or ']'\nplace([1,\n         ^"},
      {"place(1 2)", "s:1:9: expected ',' or ')'\nplace(1 2)\n        ^"},
      {"place([1)", "s:1:9: expected ',' or ']'\nplace([1)\n        ^"},
      {"place(,)", "s:1:7: expected a value\nplace(,)\n      ^"},
      {"place(a=)", "s:1:9: expected a value\nplace(a=)\n        ^"},
      {"place(a=1, a=2)", "s:1:12: 'a' is given twice\nplace(a=1, a=2)\n           ^"},
      {"place(a=1, 2)",
       "s:1:12: a value without a name cannot stand behind one with a name\n"
       "place(a=1, 2)\n           ^"},
      {"place(1) place(2)",
       "s:1:10: a statement ends its line: nothing may stand behind its ')'\n"
       "place(1) place(2)\n         ^"},
      {"place(" + std::string(17, '[') + ")", "s:1:23: lists are nested deeper than 16\nplace(" +
                                                  std::string(17, '[') + ")\n" +
                                                  std::string(22, ' ') + "^"},
  });
}

TEST(ScriptErrors, OfCommandsAndFeatures) {
  expect_errors({
      {"quantisation_param(conv1)",
       "s:1:1: there is no command 'quantisation_param'; did you mean 'quantization_param'?\n"
       "quantisation_param(conv1)\n^"},
      {"xyzzy()", "s:1:1: there is no command 'xyzzy'\nxyzzy()\n^"},
      {"ctx.normalization([0], [1])",
       "s:1:1: normalization is a command of its own, not one of 'ctx'\n"
       "ctx.normalization([0], [1])\n^"},
      {"post_quantization_optimization(finetun, policy=enabled)",
       "s:1:32: post_quantization_optimization knows no 'finetun'; did you mean 'finetune'?\n"
       "post_quantization_optimization(finetun, policy=enabled)\n"
       "                               ^"},
      {"post_quantization_optimization(policy=enabled)",
       "s:1:32: post_quantization_optimization first says what it is about: bias_correction, "
       "adaround, finetune, mix_precision_search or train_encoding\n"
       "post_quantization_optimization(policy=enabled)\n"
       "                               ^"},
      {"post_quantization_optimization(nothing_like_it)",
       "s:1:32: post_quantization_optimization knows no 'nothing_like_it'; it knows "
       "bias_correction, adaround, finetune, mix_precision_search or train_encoding\n"
       "post_quantization_optimization(nothing_like_it)\n"
       "                               ^"},
  });
}

TEST(ScriptErrors, OfParameters) {
  expect_errors({
      {"model_optimization_flavor(optimisation_level=2)",
       "s:1:27: 'optimisation_level' is no parameter of model_optimization_flavor; did you mean "
       "'optimization_level'?\nmodel_optimization_flavor(optimisation_level=2)\n"
       "                          ^"},
      {"model_optimization_flavor(x=2)",
       "s:1:27: 'x' is no parameter of model_optimization_flavor; it has optimization_level, "
       "compression_level, batch_size\nmodel_optimization_flavor(x=2)\n"
       "                          ^"},
      {"model_optimization_flavor(2)",
       "s:1:27: model_optimization_flavor takes 0 values without a name at most\n"
       "model_optimization_flavor(2)\n                          ^"},
      {"normalization([0], mean=[1])",
       "s:1:20: 'mean' is given twice\nnormalization([0], mean=[1])\n                   ^"},
      {"normalization([0])",
       "s:1:1: normalization needs std: a list, each a number\nnormalization([0])\n^"},
  });
}

TEST(ScriptErrors, OfValues) {
  const auto flavor = [](const std::string& argument, const std::string& message) {
    const std::string text = "model_optimization_flavor(" + argument + ")";
    const std::size_t column = 26 + argument.find('=') + 1;
    return Case{text, "s:1:" + std::to_string(column + 1) + ": " + message + "\n" + text + "\n" +
                          std::string(column, ' ') + "^"};
  };
  const auto param = [](const std::string& argument, const std::string& message) {
    const std::string text = "quantization_param(c, " + argument + ")";
    const std::size_t column = 22 + argument.find('=') + 1;
    return Case{text, "s:1:" + std::to_string(column + 1) + ": " + message + "\n" + text + "\n" +
                          std::string(column, ' ') + "^"};
  };
  const std::string precision =
      "precision_mode takes a precision mode, as a8_w8 or a16_w16 (a 8 or 16, w 4, 8 or 16), not ";
  expect_errors({
      flavor("optimization_level=5", "optimization_level takes an integer from -100 to 4, not '5'"),
      flavor("optimization_level=-101",
             "optimization_level takes an integer from -100 to 4, not '-101'"),
      flavor("compression_level=1.5", "compression_level takes an integer from 0 to 5, not '1.5'"),
      flavor("compression_level=high",
             "compression_level takes an integer from 0 to 5, not 'high'"),
      flavor("batch_size=1e300", "batch_size takes an integer from 1 to 1024, not '1e300'"),
      param("precision_mode=a9_w16", precision + "'a9_w16'"),
      param("precision_mode=a16_w16_a4", precision + "'a16_w16_a4'"),
      param("bias_mode=double_scale_initialisation",
            "bias_mode takes single_scale_decomposition or double_scale_initialization, not "
            "'double_scale_initialisation'; did you mean 'double_scale_initialization'?"),
      param("activation_fit=enable",
            "activation_fit takes enabled or disabled, not 'enable'; did you mean 'enabled'?"),
      param("quantization_groups=5", "quantization_groups takes an integer from 1 to 4, not '5'"),
      param("force_range_out=[1, -1]",
            "force_range_out takes a range [low, high], both a number, not '[1, -1]'"),
      param("force_range_out=[1, 2, 3]",
            "force_range_out takes a range [low, high], both a number, not '[1, 2, 3]'"),
      param("null_channels_cutoff_factor=-1",
            "null_channels_cutoff_factor takes a number of at least 0, not '-1'"),
      {"quantization_param({conv[0}, precision_mode=a8_w8)",
       "s:1:20: layers takes a layer's name, a {pattern*}, an \"ONNX node\" or a list of them, not "
       "'{conv[0}'\nquantization_param({conv[0}, precision_mode=a8_w8)\n                   ^"},
      {"quantization_param([], precision_mode=a8_w8)",
       "s:1:20: layers takes a layer's name, a {pattern*}, an \"ONNX node\" or a list of them, not "
       "'[]'\nquantization_param([], precision_mode=a8_w8)\n                   ^"},
      {"resize(input_layer1, resize_shapes=[1])",
       "s:1:36: resize_shapes takes a list of 2, each an integer from 1 to 65536, not '[1]'\n"
       "resize(input_layer1, resize_shapes=[1])\n                                   ^"},
      {"nms_postprocess(3)",
       "s:1:17: config takes a word or quoted text, not '3'\nnms_postprocess(3)\n"
       "                ^"},
  });
}

TEST(ScriptErrors, OfValuesTakenTogether) {
  expect_errors({
      {"normalization([0, 0], [1])",
       "s:1:1: mean has 2 values and std 1: both have one a channel\n"
       "normalization([0, 0], [1])\n^"},
      {"normalization([0], [0])",
       "s:1:1: every value of std must be greater than 0\nnormalization([0], [0])\n^"},
      {"quantization_param(conv1)",
       "s:1:1: quantization_param sets nothing: name a parameter\nquantization_param(conv1)\n^"},
      {"quantization_param(conv1, force_range_index=0)",
       "s:1:1: force_range_index needs force_range_in\n"
       "quantization_param(conv1, force_range_index=0)\n^"},
      {"pre_quantization_optimization(activation_clipping, layers={*}, mode=manual)",
       "s:1:1: mode=manual needs clipping_values=[low, high]\n"
       "pre_quantization_optimization(activation_clipping, layers={*}, mode=manual)\n^"},
      {"pre_quantization_optimization(weights_clipping, layers=c, mode=percentile, "
       "clipping_values=[0, 101])",
       "s:1:1: clipping_values are percentages from 0 to 100 for mode=percentile\n"
       "pre_quantization_optimization(weights_clipping, layers=c, mode=percentile, "
       "clipping_values=[0, 101])\n^"},
      {"post_quantization_optimization(finetune, loss_layer_names=[a, b], loss_types=[l2])",
       "s:1:1: loss_types has 1 values for 2 loss_layer_names\n"
       "post_quantization_optimization(finetune, loss_layer_names=[a, b], loss_types=[l2])\n^"},
      {"post_quantization_optimization(finetune, loss_layer_names=[a], loss_factors=[1, 2])",
       "s:1:1: loss_factors has 2 values for 1 loss_layer_names\n"
       "post_quantization_optimization(finetune, loss_layer_names=[a], loss_factors=[1, 2])\n^"},
  });
}

TEST(ScriptErrors, AllInOneGoInTheOrderOfTheScript) {
  EXPECT_EQ(errors_of("allocater_param(1)\r\nf(\r\nmodel_optimization_flavor(\r\n"
                      "  compression_level=9, optimization_level=9)\r\n"),
            "s:1:1: there is no command 'allocater_param'; did you mean 'allocator_param'?\n"
            "allocater_param(1)\n^\n"
            "s:2:3: expected a value or ')'\nf(\n  ^\n"
            "s:4:21: compression_level takes an integer from 0 to 5, not '9'\n"
            "  compression_level=9, optimization_level=9)\n                    ^\n"
            "s:4:43: optimization_level takes an integer from -100 to 4, not '9'\n"
            "  compression_level=9, optimization_level=9)\n"
            "                                          ^");
}

}  // namespace
}  // namespace quant
