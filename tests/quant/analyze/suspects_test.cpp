// SPDX-License-Identifier: MIT
// Every suspect on a small graph or set built to provoke it, and none on a healthy one.
#include "quant/analyze/suspects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <optional>
#include <random>

#include "quant/analyze/suspects_report.h"
#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::padded;

constexpr int kSide = 16;

InputSpec spec_of(float mean, float std) {
  return {"x", kSide, kSide, ColorOrder::kRgb, {mean, mean, mean}, {std, std, std}};
}

// A smooth picture of a few waves; every seed another one.
Tensor picture(unsigned seed, float middle = 127, float amplitude = 100) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::array<std::array<double, 4>, 6> waves{};
  for (auto& wave : waves)
    for (double& value : wave) value = uniform(random);
  Tensor tensor(DataType::kUint8, {kSide, kSide, 3});
  const auto values = tensor.data<std::uint8_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<double>(i / 3 % kSide);
    const auto y = static_cast<double>(i / 3 / kSide);
    double sum = 0;
    for (const auto& wave : waves)
      sum += std::sin(wave[0] * x + wave[1] * y + 9 * wave[2] + static_cast<double>(i % 3)) / 3;
    const double level = static_cast<double>(middle) + static_cast<double>(amplitude) * sum;
    values[i] = static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0));
  }
  return tensor;
}

std::vector<Tensor> pictures(unsigned count, float middle = 127, float amplitude = 100) {
  std::vector<Tensor> result;
  for (unsigned seed = 1; seed <= count; ++seed) result.push_back(picture(seed, middle, amplitude));
  return result;
}

Frame frame_of(const Tensor& pixels, const InputSpec& spec, std::size_t index) {
  return {"f" + std::to_string(index), static_cast<std::int64_t>(index), pixels,
          normalize_frame(pixels, spec)};
}

// What check() of the command does with a folder.
struct Set {
  FrameSurvey frames;
  std::optional<ActivationSurvey> activations;
  std::vector<Frame> few;
};

Set survey(const SuspectModel& model, const std::vector<Tensor>& images,
           const ActivationSurvey* limits = nullptr) {
  Set set{FrameSurvey(model.input), std::nullopt, {}};
  auto activations =
      ActivationSurvey::create(model.optimized, domain_tensors(*model.optimized), 1, limits);
  EXPECT_TRUE(activations) << activations.error().text();
  set.activations = std::move(*activations);
  for (const Tensor& image : images) {
    Frame frame = frame_of(image, model.input, set.frames.frames().size());
    set.frames.add(frame, image);
    EXPECT_TRUE(set.activations->add(image));
    if (set.few.size() < 4) set.few.push_back(std::move(frame));
  }
  return set;
}

SuspectModel model_of(Graph graph, const InputSpec& spec = spec_of(127, 128)) {
  auto model = make_suspect_model(std::move(graph), spec);
  if (!model) {
    ADD_FAILURE() << model.error().text();
    return {};
  }
  return *std::move(model);
}

// The input through a convolution and a rectifier, then `more`.
SuspectModel model_with(const std::function<std::vector<ValueId>(GraphBuilder&, ValueId)>& more,
                        const InputSpec& spec = spec_of(127, 128)) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, kSide, kSide});
  const ValueId conv =
      builder.node(OpKind::kConv, {x, builder.random({8, 3, 3, 3}, 0.3F)}, padded(1));
  const ValueId relu = builder.node(OpKind::kRelu, {conv});
  return model_of(builder.build(more(builder, relu)), spec);
}

std::vector<ValueId> healthy_end(GraphBuilder& builder, ValueId x) {
  return {builder.node(OpKind::kConv, {x, builder.random({4, 8, 1, 1}, 0.5F)})};
}

SuspectModel healthy(const InputSpec& spec = spec_of(127, 128)) {
  return model_with(healthy_end, spec);
}

std::vector<std::string> ids(const Findings& findings) {
  std::vector<std::string> result;
  for (const Finding& finding : findings)
    result.push_back(std::string(to_string(finding.severity)) + " " + text_of(finding.suspect).id);
  return result;
}

std::vector<std::string> ids(const Result<Findings>& findings) {
  if (!findings) return {findings.error().text()};
  return ids(*findings);
}

TEST(Suspects, NoneOnAHealthyModelAndSet) {
  const SuspectModel model = healthy();
  const Set calibration = survey(model, pictures(64));
  const Set data = survey(model, pictures(40), &*calibration.activations);
  EXPECT_THAT(ids(check_calibration(calibration.frames)), IsEmpty());
  EXPECT_THAT(ids(check_domain(calibration.frames, data.frames, *calibration.activations,
                               *data.activations)),
              IsEmpty());
  EXPECT_THAT(ids(check_normalization(model, calibration.frames, calibration.few)), IsEmpty());
  EXPECT_THAT(ids(check_weights(model)), IsEmpty());
  EXPECT_THAT(ids(check_activations(model, *calibration.activations)), IsEmpty());
  EXPECT_THAT(ids(check_activity(model, *calibration.activations)), IsEmpty());
  EXPECT_THAT(ids(check_merged_outputs(model, *calibration.activations)), IsEmpty());
}

// ---- the importer

class FixedContext : public Context {
 public:
  FixedContext(ContextKind kind, std::vector<float> values)
      : kind_(kind), values_(std::move(values)) {}
  ContextKind kind() const override { return kind_; }
  const char* runtime() const override { return "fixed"; }
  std::string description() const override { return "fixed"; }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  Status run(const Frame&, std::vector<Tensor>& outputs) override {
    outputs = {Tensor::from<float>({1, static_cast<std::int64_t>(values_.size())}, values_)};
    return {};
  }
  const std::vector<Tensor>& raw() const override { return raw_; }
  const std::vector<TensorInfo>& raw_outputs() const override { return outputs_; }
  const std::vector<QuantParams>& raw_params() const override { return params_; }

 private:
  ContextKind kind_;
  std::vector<float> values_;
  std::vector<TensorInfo> outputs_ = {{"scores", DataType::kFloat32, {1, 2}}};
  std::vector<Tensor> raw_;
  std::vector<QuantParams> params_;
};

Findings compare(const std::vector<float>& original, const std::vector<float>& native) {
  FixedContext a(ContextKind::kOriginal, original);
  FixedContext b(ContextKind::kNative, native);
  const Frame frame = frame_of(picture(1), spec_of(127, 128), 0);
  auto findings = check_original(a, b, std::span(&frame, 1));
  EXPECT_TRUE(findings);
  return *findings;
}

TEST(Suspects, OriginalDiffers) {
  EXPECT_THAT(ids(compare({1, 2}, {1, 2})), IsEmpty());
  EXPECT_THAT(ids(compare({1, 2}, {1, 2.0001F})), IsEmpty());
  EXPECT_THAT(ids(compare({0, 0}, {0, 0})), IsEmpty());
  const Findings findings = compare({1, 2}, {1, 2.1F});
  EXPECT_THAT(ids(findings), ElementsAre("error original-differs"));
  // 10·log10(5 / 0.01)
  EXPECT_THAT(findings[0].found, HasSubstr("scores has 27.0 dB"));
  EXPECT_THAT(ids(compare({0, 0}, {0, 1})), ElementsAre("error original-differs"));
  EXPECT_THAT(ids(compare({1, 2}, {1, 2, 3})), ElementsAre("error original-differs"));
  EXPECT_THAT(ids(compare({1, 2}, {1, INFINITY})), ElementsAre("error original-differs"));
  EXPECT_THAT(ids(compare({1, INFINITY}, {1, INFINITY})), IsEmpty());
}

// ---- the calibration set

Findings look_at(const std::vector<Tensor>& images, std::vector<SkippedImage> skipped = {}) {
  FrameSurvey survey(spec_of(127, 128));
  for (const Tensor& image : images)
    survey.add(frame_of(image, spec_of(127, 128), survey.frames().size()), image);
  survey.set_skipped(std::move(skipped));
  return check_calibration(survey);
}

TEST(Suspects, CalibrationTooFew) {
  EXPECT_THAT(ids(look_at(pictures(15))), ElementsAre("error calibration-too-few"));
  EXPECT_THAT(ids(look_at(pictures(16))), ElementsAre("warning calibration-too-few"));
  EXPECT_THAT(ids(look_at(pictures(63))), ElementsAre("warning calibration-too-few"));
}

TEST(Suspects, CalibrationRepeated) {
  const Findings one = look_at(std::vector<Tensor>(64, picture(1)));
  EXPECT_THAT(ids(one), ElementsAre("error calibration-repeated"));
  EXPECT_THAT(one[0].found, HasSubstr("all 64 frames are one image repeated, e.g. f1 is f0"));
  std::vector<Tensor> some = pictures(64);
  some.push_back(some[3]);
  const Findings findings = look_at(some);
  EXPECT_THAT(ids(findings), ElementsAre("warning calibration-repeated"));
  EXPECT_THAT(findings[0].found, HasSubstr("1 of 65 frames (2 %)"));
  EXPECT_THAT(findings[0].found, HasSubstr("f64 is f3"));
}

// A video: the next frame is the last one with a little noise.
TEST(Suspects, CalibrationNearDuplicates) {
  std::vector<Tensor> video;
  for (unsigned i = 0; i < 64; ++i) {
    Tensor frame = picture(i / 8 + 1).clone();
    const auto values = frame.data<std::uint8_t>();
    values[i] = static_cast<std::uint8_t>(values[i] ^ 8U);
    video.push_back(frame);
  }
  const Findings findings = look_at(video);
  EXPECT_THAT(ids(findings), ElementsAre("warning calibration-near-duplicates"));
  EXPECT_THAT(findings[0].found, HasSubstr("56 of 64 frames (88 %)"));
  std::vector<Tensor> two = pictures(64);
  two.push_back(video[1]);
  EXPECT_THAT(ids(look_at(two)), ElementsAre("note calibration-near-duplicates"));
}

TEST(Suspects, CalibrationSingleColor) {
  std::vector<Tensor> set = pictures(64);
  set.push_back(Tensor(DataType::kUint8, {kSide, kSide, 3}));
  EXPECT_THAT(ids(look_at(set)), ElementsAre("warning calibration-single-color"));
}

TEST(Suspects, CalibrationNoise) {
  std::mt19937 random(1);
  std::vector<Tensor> set;
  for (int i = 0; i < 64; ++i) {
    Tensor noise(DataType::kUint8, {kSide, kSide, 3});
    for (std::uint8_t& value : noise.data<std::uint8_t>())
      value = static_cast<std::uint8_t>(random() % 256);
    set.push_back(noise);
  }
  EXPECT_THAT(ids(look_at(set)), ElementsAre("error calibration-noise"));
}

TEST(Suspects, CalibrationUnreadable) {
  const Findings findings = look_at(pictures(64), {{"bad.jpg", "no picture"}});
  EXPECT_THAT(ids(findings), ElementsAre("warning calibration-unreadable"));
  EXPECT_THAT(findings[0].found, HasSubstr("bad.jpg (no picture)"));
}

TEST(Suspects, WhatAnArchiveRemembersOfItsSet) {
  CalibrationStatistics statistics;
  statistics.images = 20;
  statistics.repeated = 19;
  statistics.single_color = 20;
  statistics.skipped = {"bad.jpg"};
  EXPECT_THAT(ids(check_calibration_record(statistics)),
              ElementsAre("warning calibration-too-few", "error calibration-repeated",
                          "error calibration-single-color", "warning calibration-unreadable"));
}

TEST(Suspects, CalibrationOutOfDomain) {
  const SuspectModel model = healthy();
  const Set night = survey(model, pictures(64, 30, 20));
  const Set day = survey(model, pictures(20, 180, 70), &*night.activations);
  const Findings findings =
      check_domain(night.frames, day.frames, *night.activations, *day.activations);
  EXPECT_THAT(ids(findings), ElementsAre("warning calibration-out-of-domain"));
  EXPECT_THAT(findings[0].found, HasSubstr("of the test values of x lie outside"));
  EXPECT_THAT(findings[0].found, HasSubstr("mean brightness is 30 in the calibration set, 1"));
}

// ---- normalization

TEST(Suspects, NormalizationMissing) {
  const SuspectModel model = healthy(spec_of(0, 1));
  const Set set = survey(model, pictures(4));
  const auto findings = check_normalization(model, set.frames, set.few);
  EXPECT_THAT(ids(findings), ElementsAre("warning normalization-missing"));
}

// Means and deviations for pixels 0…1, as training frameworks state them.
TEST(Suspects, NormalizationInOtherUnits) {
  const SuspectModel model = healthy(spec_of(0.485F, 0.229F));
  const Set set = survey(model, pictures(4));
  const auto findings = check_normalization(model, set.frames, set.few);
  ASSERT_THAT(ids(findings), ElementsAre("warning normalization-missing"));
  EXPECT_THAT((*findings)[0].advice, HasSubstr("multiply them by 255"));
}

SuspectModel with_own_normalization(const InputSpec& spec) {
  GraphBuilder builder;
  ValueId x = builder.input("x", {1, 3, kSide, kSide});
  x = builder.node(OpKind::kSub, {x, builder.constant({}, {127})});
  x = builder.node(OpKind::kDiv, {x, builder.constant({}, {128})});
  x = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  return model_of(builder.build({x}), spec);
}

TEST(Suspects, NormalizationDoubled) {
  const auto check = [](const SuspectModel& model) {
    const Set set = survey(model, pictures(4));
    return check_normalization(model, set.frames, set.few);
  };
  EXPECT_THAT(ids(check(with_own_normalization(spec_of(0, 1)))), IsEmpty());
  const auto twice = check(with_own_normalization(spec_of(127, 128)));
  ASSERT_THAT(ids(twice), ElementsAre("error normalization-doubled"));
  EXPECT_THAT((*twice)[0].found, HasSubstr("Sub (/"));
  // The model's own leaves ±1 of pixels whose mean is given: odd, not fatal.
  EXPECT_THAT(ids(check(with_own_normalization(spec_of(5, 1)))),
              ElementsAre("warning normalization-doubled"));
  // Divided by 255 twice.
  EXPECT_THAT(ids(check(healthy(spec_of(0, 65025)))), ElementsAre("error normalization-doubled"));
}

TEST(Suspects, NormalizationOfFloatsIsAnotherOne) {
  const SuspectModel model = healthy();
  const auto check = [&](float low, float high) {
    Frame frame = frame_of(picture(1), model.input, 0);
    frame.pixels.reset();
    const auto values = frame.network_input.data<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 == 0 ? low : high;
    FrameSurvey frames(model.input);
    const auto pixels = pixels_of(frame, model.input);
    EXPECT_TRUE(pixels);
    frames.add(frame, *pixels);
    return ids(check_normalization(model, frames, std::span(&frame, 1)));
  };
  EXPECT_THAT(check(-0.99F, 1.0F), IsEmpty());
  EXPECT_THAT(check(0, 255),
              ElementsAre("error normalization-mismatch", "warning normalization-missing"));
  EXPECT_THAT(check(0, 0.004F),
              ElementsAre("warning normalization-mismatch", "error normalization-doubled"));
}

TEST(Suspects, FramesThatAreNotFiniteAreAnError) {
  Frame frame = frame_of(picture(1), spec_of(127, 128), 0);
  frame.pixels.reset();
  frame.network_input.data<float>()[3] = std::nanf("");
  const auto pixels = pixels_of(frame, spec_of(127, 128));
  ASSERT_FALSE(pixels);
  EXPECT_EQ(pixels.error().code, ErrorCode::kInvalidData);
}

// ---- balance

// The second convolution's channel 1 is 1000 times smaller than the others.
TEST(Suspects, WeightsAndActivationsUnbalanced) {
  const SuspectModel model = model_with([](GraphBuilder& builder, ValueId x) {
    std::vector<float> weights;
    for (const float scale : {1.0F, 0.001F, 0.8F, 0.0F})
      for (int i = 0; i < 8; ++i) weights.push_back(scale);
    return std::vector<ValueId>{
        builder.node(OpKind::kConv, {x, builder.constant({4, 8, 1, 1}, weights)})};
  });
  const Set set = survey(model, pictures(4));
  const Findings weights = check_weights(model);
  EXPECT_THAT(ids(weights), ElementsAre("note weights-unbalanced"));
  EXPECT_THAT(weights[0].found, HasSubstr("1 of 2 layers"));
  EXPECT_THAT(weights[0].found,
              HasSubstr("conv2 (0.001 to 1, 1000:1; 1 of 4 channels below 1/100)"));
  EXPECT_EQ(weights[0].evidence["layers"][0]["silent"], 1);
  EXPECT_THAT(ids(check_activations(model, *set.activations)),
              ElementsAre("warning activations-unbalanced"));
  EXPECT_THAT(ids(check_activity(model, *set.activations)), IsEmpty());
}

TEST(Suspects, KnowsBatchNormalizationFromTheFile) {
  const SuspectModel model = model_with([](GraphBuilder& builder, ValueId x) {
    const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({2, 8, 1, 1}, 1)});
    return std::vector<ValueId>{
        builder.node(OpKind::kBatchNormalization,
                     {conv, builder.constant({2}, {1, 0.001F}), builder.constant({2}, {0, 0}),
                      builder.constant({2}, {0, 0}), builder.constant({2}, {1, 1})})};
  });
  const Findings weights = check_weights(model);
  ASSERT_THAT(ids(weights), ElementsAre("note weights-unbalanced"));
  EXPECT_THAT(weights[0].found, HasSubstr("The file has batch normalization behind each of them"));
}

// ---- activity

TEST(Suspects, DeadLayerAndConstantOutput) {
  const SuspectModel model = model_with([](GraphBuilder& builder, ValueId x) {
    const ValueId zero = builder.constant({4, 8, 1, 1}, std::vector<float>(32));
    const ValueId dead = builder.node(OpKind::kRelu, {builder.node(OpKind::kConv, {x, zero})});
    const ValueId end = builder.node(OpKind::kConv, {dead, builder.random({2, 4, 1, 1}, 1)});
    return std::vector<ValueId>{end, healthy_end(builder, x)[0]};
  });
  const Set set = survey(model, pictures(4));
  const Findings findings = check_activity(model, *set.activations);
  EXPECT_THAT(ids(findings), ElementsAre("warning layer-dead", "error output-constant"));
  EXPECT_THAT(findings[0].found, HasSubstr("conv2 (2 more tensors behind"));
  EXPECT_THAT(findings[1].found, HasSubstr("is 0 everywhere on all 4 frames"));
}

SuspectModel scores(float bias) {
  return model_with([bias](GraphBuilder& builder, ValueId x) {
    const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({2, 8, 1, 1}, 0.1F),
                                                      builder.constant({2}, {bias, bias})});
    const ValueId sigmoid = builder.node(OpKind::kSigmoid, {conv});
    return std::vector<ValueId>{
        builder.node(OpKind::kReshape, {sigmoid, builder.integers({1, 2, kSide * kSide})})};
  });
}

TEST(Suspects, OutputNeverActivates) {
  const SuspectModel silent = scores(-9);
  EXPECT_THAT(ids(check_activity(silent, *survey(silent, pictures(4)).activations)),
              ElementsAre("warning output-never-activates"));
  const SuspectModel active = scores(0);
  EXPECT_THAT(ids(check_activity(active, *survey(active, pictures(4)).activations)), IsEmpty());
}

TEST(Suspects, ValuesNotFinite) {
  const SuspectModel model = model_with([](GraphBuilder& builder, ValueId x) {
    const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({2, 8, 1, 1}, 1)});
    return std::vector<ValueId>{builder.node(OpKind::kLog, {builder.node(OpKind::kRelu, {conv})})};
  });
  const Findings findings = check_activity(model, *survey(model, pictures(4)).activations);
  EXPECT_THAT(ids(findings), ElementsAre("error values-not-finite"));
}

// ---- merged outputs

TEST(Suspects, OutputMerged) {
  std::string boxes_name;
  std::string scores_name;
  const auto model = [&](float scale) {
    return model_with([&](GraphBuilder& builder, ValueId x) {
      const ValueId boxes = builder.node(
          OpKind::kConv, {x, builder.constant({4, 8, 1, 1}, std::vector<float>(32, scale))});
      const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({2, 8, 1, 1}, 1)});
      const ValueId scores = builder.node(OpKind::kSigmoid, {conv});
      const ValueId merged =
          builder.node(OpKind::kConcat, {boxes, scores}, attributes({{"axis", std::int64_t{1}}}));
      const std::vector<std::int64_t> perm = {0, 2, 3, 1};
      const Graph graph = builder.build({});
      boxes_name = graph.value(boxes).name;
      scores_name = graph.value(scores).name;
      return std::vector<ValueId>{
          builder.node(OpKind::kTranspose, {merged}, attributes({{"perm", perm}}))};
    });
  };
  const SuspectModel merged = model(100);
  const Findings findings = check_merged_outputs(merged, *survey(merged, pictures(4)).activations);
  ASSERT_THAT(ids(findings), ElementsAre("warning output-merged"));
  EXPECT_THAT(findings[0].advice,
              HasSubstr("--end-node '" + boxes_name + "' --end-node '" + scores_name + "'"));
  EXPECT_EQ(findings[0].evidence["parts"].size(), 2U);
  EXPECT_GT(findings[0].evidence["parts"][0]["step_alone"],
            10 * findings[0].evidence["parts"][1]["step_alone"].get<double>());
  const SuspectModel alike = model(0.1F);
  EXPECT_THAT(ids(check_merged_outputs(alike, *survey(alike, pictures(4)).activations)), IsEmpty());
}

// ---- report and document

TEST(Suspects, ReportPutsErrorsFirst) {
  SuspectsReport report;
  report.checked = {"calibration"};
  report.skipped = {{"domain", "needs --data"}};
  report.findings = {{Suspect::kOutputMerged, Severity::kNote, "a", {}, "Cut here."},
                     {Suspect::kCalibrationTooFew, Severity::kError, "b", {{"frames", 1}}, ""}};
  const std::string text = to_text(report);
  EXPECT_LT(text.find("error: calibration-too-few"), text.find("note: output-merged"));
  EXPECT_THAT(text, HasSubstr("1 error, 0 warnings, 1 note; checked: calibration\n"));
  EXPECT_THAT(text, HasSubstr("not checked: domain: needs --data\n"));
  const auto json = to_json(report);
  EXPECT_EQ(json["findings"][0]["id"], "calibration-too-few");
  EXPECT_EQ(json["findings"][0]["evidence"]["frames"], 1);
  EXPECT_THAT(json["findings"][1]["remedy"].get<std::string>(), HasSubstr("Cut here."));
}

TEST(Suspects, TextsStandInTheOrderOfTheEnumerators) {
  for (std::size_t i = 0; i < suspect_texts().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(suspect_texts()[i].suspect), i);
}

// docs/check.md has one heading per suspect, in this order, and no other.
TEST(Suspects, DocumentListsThemAll) {
  std::ifstream file(std::string(GST_QUANT_SOURCE_DIR) + "/docs/check.md");
  ASSERT_TRUE(file);
  std::vector<std::string> documented;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("### ")) documented.push_back(line.substr(4));
  std::vector<std::string> expected;
  for (const SuspectText& text : suspect_texts())
    expected.push_back("`" + std::string(text.id) + "`");
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace quant
