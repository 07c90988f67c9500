// SPDX-License-Identifier: MIT
// The ladder: which rungs there are, pooling over frames, the worst frame, and both forms of the
// report.
#include "quant/analyze/ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quant/analyze/ladder_report.h"

namespace quant {
namespace {

using Results = std::vector<std::vector<Tensor>>;
using testing::HasSubstr;

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

Results one_output(const std::vector<std::vector<float>>& by_context) {
  Results results;
  for (const auto& values : by_context) results.push_back({row(values)});
  return results;
}

std::vector<std::string> rung_names(const std::vector<std::string>& contexts) {
  const Ladder ladder(contexts, {"out"});
  std::vector<std::string> names;
  for (const Rung& rung : ladder.report().outputs[0].rungs)
    names.push_back(rung.from + ">" + rung.to);
  return names;
}

TEST(Ladder, RungsAreNeighboursAndTheWhole) {
  using testing::ElementsAre;
  EXPECT_THAT(rung_names({"original", "native"}), ElementsAre("original>native"));
  EXPECT_THAT(rung_names({"original", "native", "fp-optimized", "quantized"}),
              ElementsAre("original>native", "native>fp-optimized", "fp-optimized>quantized",
                          "original>quantized"));
  EXPECT_THAT(rung_names({"original", "native", "quantized", "device"}),
              ElementsAre("original>native", "native>quantized", "quantized>device",
                          "original>quantized", "original>device"));
  EXPECT_THAT(rung_names({"quantized", "device"}), ElementsAre("quantized>device"));
  EXPECT_THAT(rung_names({"original", "quantized"}), ElementsAre("original>quantized"));
  EXPECT_THAT(rung_names({"original"}), ElementsAre());
}

TEST(Ladder, PoolsOverFramesAndNamesTheWorst) {
  Ladder ladder({"original", "quantized"}, {"out"});
  ASSERT_TRUE(ladder.add_frame("good.jpg", one_output({{100, 0}, {99, 0}})));
  ASSERT_TRUE(ladder.add_frame("bad.jpg", one_output({{10, 0}, {5, 0}})));
  ASSERT_TRUE(ladder.add_frame("same.jpg", one_output({{10, 0}, {10, 0}})));
  ASSERT_TRUE(ladder.add_frame("black.jpg", one_output({{0, 0}, {0, 0}})));
  const Rung& rung = ladder.report().outputs[0].rungs[0];
  EXPECT_EQ(ladder.report().frames, 4);
  EXPECT_EQ(rung.frames, 4);
  EXPECT_DOUBLE_EQ(rung.error.snr().db, 10 * std::log10(10200.0 / 26.0));
  ASSERT_TRUE(rung.worst.has_value());
  EXPECT_EQ(rung.worst->frame, "bad.jpg");
  EXPECT_DOUBLE_EQ(rung.worst->error.snr().db, 10 * std::log10(100.0 / 25.0));
}

TEST(Ladder, NanIsTheWorstFrame) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Ladder ladder({"original", "quantized"}, {"out"});
  ASSERT_TRUE(ladder.add_frame("a", one_output({{1}, {-100}})));
  ASSERT_TRUE(ladder.add_frame("b", one_output({{1}, {nan}})));
  ASSERT_TRUE(ladder.add_frame("c", one_output({{1}, {-200}})));
  const Rung& rung = ladder.report().outputs[0].rungs[0];
  EXPECT_EQ(rung.worst->frame, "b");
  EXPECT_EQ(rung.error.snr().reason, SnrReason::kNonFinite);
  const auto json = to_json(ladder.report());
  EXPECT_TRUE(json["outputs"][0]["rungs"][0]["snr_db"].is_null());
  EXPECT_TRUE(json["outputs"][0]["rungs"][0]["worst"]["snr_db"].is_null());
  EXPECT_THAT(to_text(ladder.report()), HasSubstr("not finite"));
}

TEST(Ladder, KeepsTheFirstValuesOfTheFirstFrame) {
  Ladder ladder({"original", "quantized"}, {"out"});
  ASSERT_TRUE(ladder.add_frame("a", one_output({{1, 2, 3, 4, 5, 6, 7}, {9, 8, 7, 6, 5, 4, 3}})));
  ASSERT_TRUE(ladder.add_frame("b", one_output({{0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}})));
  const OutputLadder& output = ladder.report().outputs[0];
  EXPECT_EQ(output.shape, (Shape{1, 7}));
  EXPECT_THAT(output.first_values[0], testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(output.first_values[1], testing::ElementsAre(9, 8, 7, 6, 5));
}

TEST(Ladder, OutputsWithoutARatioAreSkippedWithTheReason) {
  Ladder ladder({"original", "native"}, {"labels", "boxes"});
  const Tensor label = Tensor::scalar<std::int64_t>(7);
  ASSERT_TRUE(ladder.add_frame("a", Results{{label, row({1, 2})}, {label, row({1, 2, 3})}}));
  const auto& outputs = ladder.report().outputs;
  EXPECT_EQ(outputs[0].rungs[0].skipped, 1);
  EXPECT_EQ(outputs[0].rungs[0].frames, 0);
  EXPECT_THAT(outputs[0].first_values[0], testing::ElementsAre(7));
  EXPECT_THAT(outputs[1].rungs[0].skip_reason, HasSubstr("1x2"));
  EXPECT_THAT(to_text(ladder.report()), HasSubstr("1 not compared: "));
  EXPECT_EQ(to_json(ladder.report())["outputs"][0]["rungs"][0]["skipped"], 1);
}

TEST(Ladder, ClassScoresGetTheirAgreement) {
  std::vector<float> scores(10, 0.0f), other(10, 0.0f);
  scores[3] = 5;
  other[4] = 5;
  Ladder ladder({"original", "quantized"}, {"logits"});
  ASSERT_TRUE(ladder.add_frame("a", one_output({scores, scores})));
  ASSERT_TRUE(ladder.add_frame("b", one_output({scores, other})));
  const Rung& rung = ladder.report().outputs[0].rungs[0];
  ASSERT_TRUE(rung.classification.has_value());
  EXPECT_DOUBLE_EQ(rung.classification->top1(), 0.5);
  EXPECT_EQ(to_json(ladder.report())["outputs"][0]["rungs"][0]["top1_agreement"], 0.5);
  // Four numbers are a box rather than classes.
  Ladder box({"original", "quantized"}, {"box"});
  ASSERT_TRUE(box.add_frame("a", one_output({{1, 2, 3, 4}, {1, 2, 3, 4}})));
  EXPECT_FALSE(box.report().outputs[0].rungs[0].classification.has_value());
}

TEST(Ladder, RefusesOtherNumbersOfContextsAndOutputs) {
  Ladder ladder({"original", "native"}, {"out"});
  EXPECT_FALSE(ladder.add_frame("a", one_output({{1}})));
  EXPECT_FALSE(ladder.add_frame("a", Results{{row({1})}, {}}));
  EXPECT_EQ(ladder.report().frames, 0);
}

TEST(LadderReport, TextIsATable) {
  Ladder ladder({"original", "native", "quantized"}, {"scores"});
  ASSERT_TRUE(ladder.add_frame("a.jpg", one_output({{10, 0.5f}, {10, 0.5f}, {9, 0.5f}})));
  EXPECT_EQ(to_text(ladder.report()),
            "1 frame\n"
            "\n"
            "output scores  float32 1x2\n"
            "                            SNR dB     cosine     max |d|    mean |d|  worst frame "
            "(SNR dB)\n"
            "  original -> native         exact   1.000000           0           0\n"
            "  native -> quantized        20.01   0.999985           1         0.5  a.jpg (20.01)\n"
            "  original -> quantized      20.01   0.999985           1         0.5  a.jpg (20.01)\n"
            "  most is lost by quantization (native -> quantized, 20.01 dB)\n"
            "  first values  original             10           0.5\n"
            "                native               10           0.5\n"
            "                quantized             9           0.5\n");
}

TEST(LadderReport, JsonHasEveryField) {
  Ladder ladder({"original", "quantized"}, {"scores"});
  ASSERT_TRUE(ladder.add_frame("a.jpg", one_output({{10, 0}, {9, 0}})));
  const auto json = to_json(ladder.report());
  EXPECT_EQ(json["contexts"], (std::vector<std::string>{"original", "quantized"}));
  EXPECT_EQ(json["frames"], 1);
  const auto& output = json["outputs"][0];
  EXPECT_EQ(output["name"], "scores");
  EXPECT_EQ(output["shape"], (Shape{1, 2}));
  EXPECT_EQ(output["first_values"]["quantized"], (std::vector<double>{9, 0}));
  const auto& rung = output["rungs"][0];
  EXPECT_EQ(rung["from"], "original");
  EXPECT_EQ(rung["to"], "quantized");
  EXPECT_DOUBLE_EQ(rung["snr_db"].get<double>(), 20);
  EXPECT_EQ(rung["worst"]["frame"], "a.jpg");
  EXPECT_EQ(rung["max_abs"], 1);
  EXPECT_EQ(rung["state"], "ok");
  EXPECT_EQ(output["loss"], "most is lost by quantization (original -> quantized, 20.00 dB)");
}

TEST(LadderReport, NamesTheStepThatLosesMost) {
  const auto sentence = [](std::vector<float> native, std::vector<float> quantized,
                           std::vector<float> device) {
    Ladder ladder({"original", "native", "quantized", "device"}, {"scores"});
    EXPECT_TRUE(ladder.add_frame("a.jpg", one_output({{10, 1}, native, quantized, device})));
    return loss_sentence(ladder.report(), ladder.report().outputs[0]);
  };
  EXPECT_EQ(sentence({10, 1}, {10, 1}, {10, 1}), "no step loses anything that can be seen");
  EXPECT_THAT(sentence({5, 1}, {5, 1.1F}, {5, 1.1F}), HasSubstr("lost by reading the model"));
  EXPECT_THAT(sentence({10, 1}, {9, 1}, {2, 1}), HasSubstr("lost by the device, or how its"));
  // The sum of steps is larger than each, and no step.
  EXPECT_THAT(sentence({10, 1}, {9, 1}, {8.5F, 1}), HasSubstr("(native -> quantized, "));
}

}  // namespace
}  // namespace quant
