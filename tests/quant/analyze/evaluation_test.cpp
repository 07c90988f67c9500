// SPDX-License-Identifier: MIT
// Accuracy of contexts side by side: what is scored, what is left out, and both forms of the
// report.
#include "quant/analyze/evaluation.h"

#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "quant/analyze/evaluation_report.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;
using Results = std::vector<std::vector<Tensor>>;

const InputSpec kInput{"x", 64, 32, ColorOrder::kRgb, {0, 0, 0}, {1, 1, 1}};

Result<Evaluation> evaluation_of(const std::string& csv, const std::vector<TensorInfo>& outputs,
                                 EvaluationOptions options = {}) {
  const TemporaryFolder folder;
  std::ofstream(folder / "t.csv") << csv;
  auto truth = GroundTruth::read(folder / "t.csv", nullptr);
  EXPECT_TRUE(truth) << truth.error().text();
  options.bootstrap.resamples = 200;
  return Evaluation::create(std::move(*truth), {"original", "quantized"}, outputs, kInput, options);
}

Frame frame_of(const std::string& name, int width = 64, int height = 32) {
  Frame frame;
  frame.name = name;
  frame.image_width = width;
  frame.image_height = height;
  return frame;
}

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

const std::vector<TensorInfo> kThreeClasses = {{"scores", DataType::kFloat32, {1, 3}}};

void classify(Evaluation& evaluation, const std::string& name, const std::vector<float>& original,
              const std::vector<float>& quantized) {
  const Frame frame = frame_of(name);
  ASSERT_TRUE(evaluation.accepts(frame));
  const auto status = evaluation.add_frame(frame, Results{{row(original)}, {row(quantized)}});
  EXPECT_TRUE(status) << status.error().text();
}

TEST(Evaluation, CountsRightAnswers) {
  auto evaluation = evaluation_of("file,label\na,0\nb,1\nc,2\nd,1\n", kThreeClasses);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  classify(*evaluation, "a", {3, 2, 1}, {3, 2, 1});
  classify(*evaluation, "b", {1, 3, 2}, {2, 1, 3});
  classify(*evaluation, "c", {3, 2, 1}, {1, 2, 3});
  classify(*evaluation, "d", {1, 3, 2}, {nan, 3, 2});  // no answer is a wrong answer
  const auto report = evaluation->report();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->task, "classification");
  EXPECT_EQ(report->images, 4);
  ASSERT_EQ(report->figures.size(), 1U);  // five of three classes would always be right
  EXPECT_EQ(report->figures[0].name, "top-1");
  EXPECT_THAT(report->figures[0].values, ElementsAre(0.75, 0.5));
  ASSERT_EQ(report->figures[0].intervals.size(), 1U);
  ASSERT_TRUE(report->figures[0].intervals[0].has_value());
  EXPECT_LE(report->figures[0].intervals[0]->low, -0.5);
  EXPECT_GE(report->figures[0].intervals[0]->high, 0.25);
  EXPECT_THAT(report->left_out, IsEmpty());
}

TEST(Evaluation, TopFiveNeedsMoreThanFiveClasses) {
  const std::vector<TensorInfo> outputs = {{"scores", DataType::kFloat32, {1, 7, 1, 1}}};
  auto evaluation = evaluation_of("file,label\na,2\nb,6\n", outputs);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  const Tensor scores = row({9, 8, 7, 6, 5, 4, 3}).reshaped({1, 7, 1, 1});
  for (const char* const name : {"a", "b"}) {
    ASSERT_TRUE(evaluation->accepts(frame_of(name)));
    ASSERT_TRUE(evaluation->add_frame(frame_of(name), Results{{scores}, {scores}}));
  }
  const auto report = evaluation->report();
  ASSERT_TRUE(report);
  ASSERT_EQ(report->figures.size(), 2U);
  EXPECT_EQ(report->figures[1].name, "top-5");
  EXPECT_THAT(report->figures[0].values, ElementsAre(0, 0));
  EXPECT_THAT(report->figures[1].values, ElementsAre(0.5, 0.5));
}

TEST(Evaluation, ImagesWithoutUsableTruthAreNamedAndNotScored) {
  auto evaluation = evaluation_of("file,label\na,0\nb,3\nc,1\nc,2\nz,1\n", kThreeClasses);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  EXPECT_EQ(evaluation->report().error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(evaluation->accepts(frame_of("b")));
  EXPECT_FALSE(evaluation->accepts(frame_of("c")));
  EXPECT_FALSE(evaluation->accepts(frame_of("new")));
  EXPECT_THAT(evaluation->report().error().text(),
              HasSubstr("b: its class 3 is none of the model's 3"));
  classify(*evaluation, "a", {3, 2, 1}, {3, 2, 1});
  const auto report = evaluation->report();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->images, 1);
  EXPECT_THAT(report->figures[0].values, ElementsAre(1, 1));
  EXPECT_FALSE(report->figures[0].intervals[0].has_value());  // one image
  ASSERT_EQ(report->left_out.size(), 3U);
  EXPECT_EQ(report->left_out[1].image, "c");
  EXPECT_EQ(report->left_out[1].text, "has two labels, 1 and 2");
  EXPECT_EQ(report->left_out[2].text, "the ground truth does not have it");
  EXPECT_EQ(report->truth_unused, 1);  // z
  const std::string text = to_text(*report);
  EXPECT_THAT(text, HasSubstr("1 image\nleft out: 3 images, without usable ground truth\n"));
  EXPECT_THAT(text, HasSubstr("not used: ground truth of 1 further image\n"));
  EXPECT_EQ(to_json(*report)["left_out"][0]["image"], "b");
}

TEST(Evaluation, AClassifierHasOneOutput) {
  const std::vector<TensorInfo> two = {{"a", DataType::kFloat32, {1, 3}},
                                       {"b", DataType::kFloat32, {1, 3}}};
  for (const std::vector<TensorInfo>& outputs :
       {two, {{"a", DataType::kInt64, {1, 3}}}, {{"a", DataType::kFloat32, {1, 1}}}}) {
    const auto evaluation = evaluation_of("file,label\na,0\n", outputs);
    ASSERT_FALSE(evaluation);
    EXPECT_THAT(evaluation.error().text(), HasSubstr("one output of float32 scores"));
  }
}

// One class, 42 cells; the first cells hold the detections.
const std::vector<TensorInfo> kDetector = {{"out", DataType::kFloat32, {1, 5, 42}}};

Tensor detections(const std::vector<Detection>& boxes) {
  Tensor tensor(DataType::kFloat32, {1, 5, 42});
  const auto set = [&tensor](std::size_t line, std::size_t cell, double value) {
    tensor.data<float>()[line * 42 + cell] = static_cast<float>(value);
  };
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const Box& box = boxes[i].box;
    set(0, i, (box.left + box.right) / 2);
    set(1, i, (box.top + box.bottom) / 2);
    set(2, i, box.right - box.left);
    set(3, i, box.bottom - box.top);
    set(4, i, double{boxes[i].score});
  }
  return tensor;
}

TEST(Evaluation, BoxesAreComparedInPixelsOfTheImage) {
  // An image of 128x32 in a letterbox of 64x32: half the size, bars of 8 rows.
  EvaluationOptions options;
  options.resize = ResizeMode::kLetterbox;
  auto evaluation = evaluation_of("file,x,y,w,h\na,20,4,40,16\n", kDetector, options);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  const Frame frame = frame_of("a", 128, 32);
  ASSERT_TRUE(evaluation->accepts(frame));
  const Box right{10, 10, 30, 18};
  const Box low{10, 10, 22, 18};  // 12 / 20 of the width: an overlap of 0.6
  ASSERT_TRUE(evaluation->add_frame(
      frame, Results{{detections({{right, 0.9F}})}, {detections({{low, 0.9F}})}}));
  const auto report = evaluation->report();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->task, "detection");
  EXPECT_EQ(report->boxes, 1);
  ASSERT_EQ(report->figures.size(), 2U);
  EXPECT_EQ(report->figures[0].name, "AP50");
  EXPECT_THAT(report->figures[0].values, ElementsAre(1, 1));
  EXPECT_EQ(report->figures[1].name, "AP50-95");
  EXPECT_EQ(report->figures[1].values[0], 1);
  EXPECT_NEAR(report->figures[1].values[1].value(), 0.3, 1e-12);
  ASSERT_EQ(report->classes.size(), 1U);
  EXPECT_THAT(report->classes[0].ap50, ElementsAre(1, 1));
}

TEST(Evaluation, BoxesOfACropAreComparedInPixelsOfTheImage) {
  // Of an image of 128x32 the middle 64 columns.
  EvaluationOptions options;
  options.resize = ResizeMode::kCrop;
  auto evaluation = evaluation_of("file,x,y,w,h\na,52,4,40,16\n", kDetector, options);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  const Box right{20, 4, 60, 20};
  const Box aside{40, 4, 60, 20};  // half of it
  ASSERT_TRUE(
      evaluation->add_frame(frame_of("a", 128, 32),
                            Results{{detections({{right, 0.9F}})}, {detections({{aside, 0.9F}})}}));
  const auto report = evaluation->report();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->figures[1].values[0], 1);
  EXPECT_NEAR(report->figures[1].values[1].value(), 0.1, 1e-12);
}

TEST(Evaluation, TruthThatCannotBeIsLeftOut) {
  auto evaluation = evaluation_of(
      "file,x,y,w,h,label\n"
      "size.jpg,70,4,10,10,0\n"
      "class.jpg,1,1,10,10,1\n"
      "empty.jpg,,,,,\n"
      "flat.jpg,1,1,0,10,0\n",
      kDetector);
  ASSERT_TRUE(evaluation) << evaluation.error().text();
  EXPECT_FALSE(evaluation->accepts(frame_of("size.jpg")));
  EXPECT_FALSE(evaluation->accepts(frame_of("class.jpg")));
  for (const char* const name : {"empty.jpg", "flat.jpg"}) {
    ASSERT_TRUE(evaluation->accepts(frame_of(name)));
    ASSERT_TRUE(evaluation->add_frame(frame_of(name), Results{{detections({})}, {detections({})}}));
  }
  const auto report = evaluation->report();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->left_out[0].text, "a box at 70, 4 lies outside of the image of 64x32 pixels");
  EXPECT_EQ(report->left_out[1].text, "a box has class 1, which is none of the model's 1");
  ASSERT_EQ(report->remarks.size(), 1U);
  EXPECT_EQ(report->remarks[0].image, "flat.jpg");
  // Nothing to find on what is left: no figure, and none is made up.
  EXPECT_FALSE(report->figures[0].values[0].has_value());
  EXPECT_TRUE(to_json(*report)["figures"][0]["contexts"][0]["value"].is_null());
}

TEST(Evaluation, ADetectorNeedsADecoderThatFits) {
  EvaluationOptions options;
  options.decoder = "rfb";
  const auto evaluation = evaluation_of("file,x,y,w,h\na,1,1,2,2\n", kDetector, options);
  ASSERT_FALSE(evaluation);
  EXPECT_THAT(evaluation.error().text(), HasSubstr("decoder rfb does not fit"));
}

TEST(EvaluationReport, TextHasAllFigures) {
  auto evaluation = evaluation_of("file,label\na,0\nb,1\n", kThreeClasses);
  ASSERT_TRUE(evaluation);
  classify(*evaluation, "a", {3, 2, 1}, {3, 2, 1});
  classify(*evaluation, "b", {1, 3, 2}, {3, 2, 1});
  const auto report = evaluation->report();
  ASSERT_TRUE(report);
  // Resamples of two images: a difference of 0, −50 or −100 points.
  EXPECT_EQ(to_text(*report),
            "classification: 3 classes\n"
            "2 images\n"
            "\n"
            "       context             %  difference  95 % interval\n"
            "top-1  original       100.00\n"
            "       quantized       50.00      -50.00  -100.00 .. +0.00\n"
            "\n"
            "Differences to original in points; intervals by a paired bootstrap over images (200 "
            "resamples, seed 1).\n"
            "One image is 50.00 points.\n");
  const auto json = to_json(*report);
  const auto& contexts = json["figures"][0]["contexts"];
  EXPECT_EQ(json["figures"][0]["unit"], "%");
  EXPECT_EQ(contexts[0]["value"], 100);
  EXPECT_FALSE(contexts[0].contains("difference"));
  EXPECT_EQ(contexts[1]["name"], "quantized");
  EXPECT_EQ(contexts[1]["value"], 50);
  EXPECT_EQ(contexts[1]["difference"], -50);
  EXPECT_EQ(contexts[1]["low"], -100);
  EXPECT_EQ(contexts[1]["high"], 0);
}

}  // namespace
}  // namespace quant
