// SPDX-License-Identifier: MIT
// The heads behind make_detection_decoder, and what they share. Each make_ function gives null
// where the outputs are not such a head's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "quant/vision/detection_decoder.h"

namespace quant {

// Ultra-Light-Fast-Generic-Face-Detector, slim and RFB: scores (priors, 1 + classes), background
// first, and boxes (priors, 4). Priors: strides 8, 16, 32, 64, sides 10/16/24, 32/48, 64/96,
// 128/192/256 pixels, centred in the cells of ceil(size/stride) cells a side.
// Raw boxes are (x, y)·0.1·side + centre and side·exp(0.2·(w, h)); decoded ones are corners, frame
// = 0…1.
std::unique_ptr<DetectionDecoder> make_rfb_decoder(std::span<const Shape> outputs,
                                                   const InputSpec& input);
std::unique_ptr<DetectionDecoder> make_rfb_decoded_decoder(std::span<const Shape> outputs,
                                                           const InputSpec& input);

// Ultralytics YOLOv8 and its kin: (4 + classes, cells of strides 8, 16, 32), boxes as centre and
// size in pixels, scores 0…1.
std::unique_ptr<DetectionDecoder> make_yolov8_decoder(std::span<const Shape> outputs,
                                                      const InputSpec& input);

// Yolo-FastestV2: (cells of strides 16, 32; 3·4 + 3 + classes), all behind a sigmoid: three boxes,
// three objectnesses, classes. Box: ((2·x − ½ + column)·stride, …, (2·w)²·anchor). Anchors are
// those of its COCO models.
std::unique_ptr<DetectionDecoder> make_yolo_fastestv2_decoder(std::span<const Shape> outputs,
                                                              const InputSpec& input);

// NanoDet (strides 8, 16, 32): per stride scores (cells, classes), behind a sigmoid, and distances
// (cells, 4·8): each side is the mean of softmax over 0…7, in strides, from the middle of the cell.
std::unique_ptr<DetectionDecoder> make_nanodet_decoder(std::span<const Shape> outputs,
                                                       const InputSpec& input);

// SCRFD (strides 8, 16, 32; two anchors a cell): per stride scores (2·cells, 1) and distances
// (2·cells, 4), in strides, from the upper left corner of the cell. Key points are not read.
std::unique_ptr<DetectionDecoder> make_scrfd_decoder(std::span<const Shape> outputs,
                                                     const InputSpec& input);

// An output without its leading axes of size 1.
struct OutputMatrix {
  std::size_t index = 0;  // of the output
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};
// The outputs that are matrices.
std::vector<OutputMatrix> output_matrices(std::span<const Shape> outputs);

struct Grid {
  int stride = 0;
  int columns = 0;
  int rows = 0;

  std::int64_t cells() const { return std::int64_t{columns} * rows; }
};
// Cells of `stride` pixels that cover the frame.
Grid grid_of(const InputSpec& input, int stride);

}  // namespace quant
