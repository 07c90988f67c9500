// SPDX-License-Identifier: MIT
// One cell of each head, against boxes worked out by hand, and how a decoder is chosen.
#include "quant/vision/detection_decoder.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace quant {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

InputSpec frame_of(int width, int height) {
  return {"x", width, height, ColorOrder::kRgb, {0, 0, 0}, {1, 1, 1}};
}

std::unique_ptr<DetectionDecoder> decoder_of(const std::string& name,
                                             const std::vector<Shape>& shapes,
                                             const InputSpec& input) {
  auto decoder = make_detection_decoder(name, shapes, input);
  EXPECT_TRUE(decoder) << decoder.error().text();
  return decoder ? std::move(*decoder) : nullptr;
}

std::string error_of(const std::string& name, const std::vector<Shape>& shapes,
                     const InputSpec& input) {
  const auto decoder = make_detection_decoder(name, shapes, input);
  return decoder ? "no error" : decoder.error().text();
}

std::vector<Tensor> zeros(const std::vector<Shape>& shapes) {
  std::vector<Tensor> tensors;
  for (const Shape& shape : shapes) tensors.emplace_back(DataType::kFloat32, shape);
  return tensors;
}

void set(Tensor& tensor, std::size_t row, std::size_t columns, std::size_t column, float value) {
  tensor.data<float>()[row * columns + column] = value;
}

// Precondition: one detection.
Detection only(const DetectionDecoder& decoder, const std::vector<Tensor>& outputs) {
  const auto found = decoder.run(outputs, {0.01F, {}});
  EXPECT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->size(), 1U);
  return found->empty() ? Detection{} : found->front();
}

void expect_box(const Box& box, double left, double top, double right, double bottom) {
  EXPECT_NEAR(box.left, left, 1e-4);
  EXPECT_NEAR(box.top, top, 1e-4);
  EXPECT_NEAR(box.right, right, 1e-4);
  EXPECT_NEAR(box.bottom, bottom, 1e-4);
}

const std::vector<Shape> kRfbShapes = {{1, 4420, 2}, {1, 4420, 4}};

TEST(RfbDecoder, PriorsLieInTheMiddleOfTheirCells) {
  const auto decoder = decoder_of("rfb", kRfbShapes, frame_of(320, 240));
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->classes(), 1);
  struct Case {
    std::size_t row;
    double x, y, width, height;
  };
  // Three sides a cell of stride 8 (40 x 30 cells), two of 16 (20 x 15) and 32 (10 x 8), three of
  // 64 (5 x 4). Eight rows of stride 32 share 240 pixels: 30 each. A side is at most the frame.
  for (const Case& c :
       {Case{0, 4, 4, 10, 10}, Case{2, 4, 4, 24, 24}, Case{3, 12, 4, 10, 10},
        Case{120, 4, 12, 10, 10}, Case{3600, 8, 8, 32, 32}, Case{4200, 16, 15, 64, 64},
        Case{4360, 32, 30, 128, 128}, Case{4419, 288, 210, 256, 240}}) {
    std::vector<Tensor> outputs = zeros(kRfbShapes);
    set(outputs[0], c.row, 2, 1, 0.75F);
    const Detection found = only(*decoder, outputs);
    EXPECT_EQ(found.score, 0.75F);
    EXPECT_EQ(found.label, 0);
    expect_box(found.box, c.x - c.width / 2, c.y - c.height / 2, c.x + c.width / 2,
               c.y + c.height / 2);
  }
}

TEST(RfbDecoder, OffsetsMoveAndScale) {
  const auto decoder = decoder_of("rfb", kRfbShapes, frame_of(320, 240));
  ASSERT_NE(decoder, nullptr);
  std::vector<Tensor> outputs = zeros(kRfbShapes);
  set(outputs[0], 3600, 2, 1, 0.5F);
  // Side 32 at (8, 8): the centre moves by 0.1·32·5 = 16 and −3.2, sides grow by e^(0.2·w).
  set(outputs[1], 3600, 4, 0, 5);
  set(outputs[1], 3600, 4, 1, -1);
  set(outputs[1], 3600, 4, 2, static_cast<float>(5 * std::log(2.0)));  // twice
  set(outputs[1], 3600, 4, 3, static_cast<float>(-5 * std::log(2.0)));
  expect_box(only(*decoder, outputs).box, 24 - 32, 4.8 - 8, 24 + 32, 4.8 + 8);
}

TEST(RfbDecoder, DecodedBoxesAreSharesOfTheFrame) {
  const auto decoder = decoder_of("rfb-decoded", kRfbShapes, frame_of(320, 240));
  ASSERT_NE(decoder, nullptr);
  std::vector<Tensor> outputs = zeros(kRfbShapes);
  set(outputs[0], 77, 2, 1, 0.5F);
  for (std::size_t i = 0; i < 4; ++i) set(outputs[1], 77, 4, i, 0.25F * static_cast<float>(i));
  expect_box(only(*decoder, outputs).box, 0, 60, 160, 180);
}

TEST(RfbDecoder, OutputsMayComeInEitherOrder) {
  const std::vector<Shape> shapes = {kRfbShapes[1], kRfbShapes[0]};
  const auto decoder = decoder_of("rfb", shapes, frame_of(320, 240));
  ASSERT_NE(decoder, nullptr);
  std::vector<Tensor> outputs = zeros(shapes);
  set(outputs[1], 0, 2, 1, 0.5F);
  expect_box(only(*decoder, outputs).box, -1, -1, 9, 9);
}

// 64x32: 8·4 + 4·2 + 2·1 = 42 cells of strides 8, 16, 32.
const std::vector<Shape> kYolov8Shapes = {{1, 7, 42}};

TEST(Yolov8Decoder, ColumnsAreCells) {
  const auto decoder = decoder_of("auto", kYolov8Shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->name(), "yolov8");
  EXPECT_EQ(decoder->classes(), 3);
  std::vector<Tensor> outputs = zeros(kYolov8Shapes);
  const float box[] = {30, 16, 20, 10};
  for (std::size_t i = 0; i < 4; ++i) set(outputs[0], i, 42, 40, box[i]);
  set(outputs[0], 6, 42, 40, 0.25F);
  const Detection found = only(*decoder, outputs);
  expect_box(found.box, 20, 11, 40, 21);
  EXPECT_EQ(found.label, 2);
  EXPECT_EQ(found.score, 0.25F);
}

TEST(Yolov8Decoder, EveryClassAboveTheThresholdIsADetection) {
  const auto decoder = decoder_of("yolov8", kYolov8Shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  std::vector<Tensor> outputs = zeros(kYolov8Shapes);
  set(outputs[0], 2, 42, 0, 5);
  set(outputs[0], 3, 42, 0, 5);
  set(outputs[0], 4, 42, 0, 0.25F);
  set(outputs[0], 5, 42, 0, 0.5F);
  set(outputs[0], 6, 42, 0, 0.125F);
  const auto found = decoder->run(outputs, {0.25F, {}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].label, 1);
  EXPECT_EQ((*found)[1].label, 0);
}

TEST(DetectionDecoder, WhatIsNotFiniteIsDropped) {
  const auto decoder = decoder_of("yolov8", kYolov8Shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  std::vector<Tensor> outputs = zeros(kYolov8Shapes);
  set(outputs[0], 4, 42, 0, std::numeric_limits<float>::quiet_NaN());
  set(outputs[0], 4, 42, 1, std::numeric_limits<float>::infinity());
  set(outputs[0], 0, 42, 2, std::numeric_limits<float>::infinity());
  set(outputs[0], 4, 42, 2, 0.5F);
  const auto found = decoder->run(outputs, {0.01F, {}});
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, IsEmpty());
}

TEST(DetectionDecoder, OtherOutputsAreAnError) {
  const auto decoder = decoder_of("yolov8", kYolov8Shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  const std::vector<std::vector<Tensor>> wrong = {
      {}, zeros({{1, 7, 41}}), zeros({{1, 7, 42}, {1}}), {Tensor(DataType::kInt32, {1, 7, 42})}};
  for (const std::vector<Tensor>& outputs : wrong) {
    const auto found = decoder->run(outputs, {});
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().text(), HasSubstr("float32 outputs of 1x7x42"));
  }
}

TEST(YoloFastestV2Decoder, AnchorsAndSquaredSizes) {
  // 64x32: 4·2 cells of stride 16 and 2·1 of stride 32; 15 + 2 columns.
  const std::vector<Shape> shapes = {{10, 17}};
  const auto decoder = decoder_of("auto", shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->name(), "yolo-fastestv2");
  EXPECT_EQ(decoder->classes(), 2);
  // Cell (1, 1) of stride 16 is row 5; its second anchor is 37.88 x 51.48.
  std::vector<Tensor> outputs = zeros(shapes);
  set(outputs[0], 5, 17, 4, 0.5F);   // x: (2·0.5 − 0.5 + 1)·16 = 24
  set(outputs[0], 5, 17, 5, 0.25F);  // y: (2·0.25 − 0.5 + 1)·16 = 16
  set(outputs[0], 5, 17, 6, 0.5F);   // width: (2·0.5)² anchors
  set(outputs[0], 5, 17, 7, 0.25F);  // height: a quarter
  set(outputs[0], 5, 17, 13, 0.5F);  // objectness
  set(outputs[0], 5, 17, 16, 0.5F);  // class 1
  Detection found = only(*decoder, outputs);
  EXPECT_EQ(found.score, 0.25F);
  EXPECT_EQ(found.label, 1);
  expect_box(found.box, 24 - 18.94, 16 - 51.48 / 8, 24 + 18.94, 16 + 51.48 / 8);

  outputs = zeros(shapes);  // the second cell of stride 32, first anchor
  for (std::size_t i = 0; i < 4; ++i) set(outputs[0], 9, 17, i, 0.5F);
  set(outputs[0], 9, 17, 12, 1);
  set(outputs[0], 9, 17, 15, 1);
  found = only(*decoder, outputs);
  expect_box(found.box, 48 - 126.91 / 2, 16 - 78.23 / 2, 48 + 126.91 / 2, 16 + 78.23 / 2);
}

TEST(NanodetDecoder, DistancesAreExpectations) {
  const std::vector<Shape> shapes = {{1, 32, 3},  {1, 8, 3},  {1, 2, 3},
                                     {1, 32, 32}, {1, 8, 32}, {1, 2, 32}};
  const auto decoder = decoder_of("auto", shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->name(), "nanodet");
  EXPECT_EQ(decoder->classes(), 3);
  // Stride 16 (4 x 2 cells), cell (2, 1): its middle is (40, 24).
  std::vector<Tensor> outputs = zeros(shapes);
  set(outputs[1], 6, 3, 2, 0.5F);
  set(outputs[4], 6, 32, 0, 100);       // left: all on 0
  set(outputs[4], 6, 32, 8 + 1, 100);   // top: all on 1
  set(outputs[4], 6, 32, 16 + 2, 100);  // right: half on 2, half on 3
  set(outputs[4], 6, 32, 16 + 3, 100);
  // bottom: equal shares of 0 … 7, 3.5 on average
  const Detection found = only(*decoder, outputs);
  EXPECT_EQ(found.label, 2);
  expect_box(found.box, 40, 24 - 16, 40 + 2.5 * 16, 24 + 3.5 * 16);
}

TEST(ScrfdDecoder, TwoAnchorsStartAtTheCorner) {
  // 64x32, two boxes a cell; key points between, as exported.
  const std::vector<Shape> shapes = {{64, 1}, {16, 1},  {4, 1},   {64, 4}, {16, 4},
                                     {4, 4},  {64, 10}, {16, 10}, {4, 10}};
  const auto decoder = decoder_of("auto", shapes, frame_of(64, 32));
  ASSERT_NE(decoder, nullptr);
  EXPECT_EQ(decoder->name(), "scrfd");
  // Stride 8 (8 x 4 cells), cell (3, 2) is 19: its second box is row 39.
  std::vector<Tensor> outputs = zeros(shapes);
  set(outputs[0], 39, 1, 0, 0.5F);
  for (std::size_t i = 0; i < 4; ++i) set(outputs[3], 39, 4, i, static_cast<float>(i + 1));
  expect_box(only(*decoder, outputs).box, 24 - 8, 16 - 16, 24 + 24, 16 + 32);
}

TEST(DetectionDecoder, TwoThatFitHaveToBeChosenFrom) {
  EXPECT_THAT(error_of("auto", kRfbShapes, frame_of(320, 240)),
              HasSubstr("rfb and rfb-decoded fit this model, one has to be named"));
}

TEST(DetectionDecoder, WhatDoesNotFitIsSaid) {
  EXPECT_THAT(error_of("auto", {{1, 1000}}, frame_of(224, 224)),
              HasSubstr("no decoder fits this model (outputs 1x1000, frame 224x224"));
  EXPECT_THAT(error_of("rfb", kRfbShapes, frame_of(320, 320)),
              HasSubstr("the decoder rfb does not fit this model"));
  EXPECT_THAT(error_of("rfb", {kRfbShapes[0], kRfbShapes[0]}, frame_of(320, 240)),
              HasSubstr("does not fit"));
  EXPECT_THAT(error_of("yolov8", {{1, 4, 42}}, frame_of(64, 32)), HasSubstr("does not fit"));
  EXPECT_THAT(error_of("yolov8", {}, frame_of(64, 32)), HasSubstr("does not fit"));
  EXPECT_THAT(error_of("yolov9000", kRfbShapes, frame_of(320, 240)),
              HasSubstr("there is no decoder yolov9000"));
}

}  // namespace
}  // namespace quant
