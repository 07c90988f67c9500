// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>

#include "quant/vision/detection_heads.h"

namespace quant {
namespace {

constexpr double kCenterVariance = 0.1;
constexpr double kSizeVariance = 0.2;
constexpr double kUsualNmsIou = 0.3;

struct Prior {  // frame = 0…1
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

std::vector<Prior> priors_of(const InputSpec& input) {
  struct Level {
    int stride;
    std::vector<int> sides;
  };
  const std::array<Level, 4> levels = {
      {{8, {10, 16, 24}}, {16, {32, 48}}, {32, {64, 96}}, {64, {128, 192, 256}}}};
  std::vector<Prior> priors;
  for (const Level& level : levels) {
    const Grid grid = grid_of(input, level.stride);
    for (int row = 0; row < grid.rows; ++row)
      for (int column = 0; column < grid.columns; ++column)
        for (const int side : level.sides)
          priors.push_back({(column + 0.5) / grid.columns, (row + 0.5) / grid.rows,
                            std::min(1.0, double{1} * side / input.width),
                            std::min(1.0, double{1} * side / input.height)});
  }
  return priors;
}

class RfbDecoder final : public DetectionDecoder {
 public:
  // `priors` empty: boxes are decoded.
  RfbDecoder(Description description, const InputSpec& input, std::vector<Prior> priors,
             OutputMatrix scores, OutputMatrix boxes)
      : DetectionDecoder(std::move(description)),
        width_(input.width),
        height_(input.height),
        priors_(std::move(priors)),
        scores_(scores),
        boxes_(boxes) {}

 protected:
  void collect(std::span<const Tensor> outputs, float score_threshold,
               std::vector<Detection>& found) const override {
    const auto scores = outputs[scores_.index].data<float>();
    const auto boxes = outputs[boxes_.index].data<float>();
    const auto columns = static_cast<std::size_t>(scores_.columns);
    for (std::size_t row = 0; row < scores.size() / columns; ++row)
      for (std::size_t column = 1; column < columns; ++column) {
        const float score = scores[row * columns + column];
        if (score >= score_threshold)
          found.push_back(
              {box_of(row, boxes.subspan(row * 4, 4)), score, static_cast<int>(column) - 1});
      }
  }

 private:
  Box box_of(std::size_t row, std::span<const float> values) const {
    if (priors_.empty())
      return {values[0] * width_, values[1] * height_, values[2] * width_, values[3] * height_};
    const Prior& prior = priors_[row];
    const double x = prior.x + kCenterVariance * values[0] * prior.width;
    const double y = prior.y + kCenterVariance * values[1] * prior.height;
    const double half_width = prior.width * std::exp(kSizeVariance * values[2]) / 2;
    const double half_height = prior.height * std::exp(kSizeVariance * values[3]) / 2;
    return {(x - half_width) * width_, (y - half_height) * height_, (x + half_width) * width_,
            (y + half_height) * height_};
  }

  double width_;
  double height_;
  std::vector<Prior> priors_;
  OutputMatrix scores_;
  OutputMatrix boxes_;
};

std::unique_ptr<DetectionDecoder> make(const char* name, std::span<const Shape> outputs,
                                       const InputSpec& input, bool decoded) {
  std::vector<Prior> priors = priors_of(input);
  const auto rows = static_cast<std::int64_t>(priors.size());
  const std::vector<OutputMatrix> matrices = output_matrices(outputs);
  if (outputs.size() != 2 || matrices.size() != 2) return nullptr;
  // Two scores or three; four columns are boxes.
  const bool boxes_last = matrices[1].columns == 4;
  const OutputMatrix& scores = matrices[boxes_last ? 0 : 1];
  const OutputMatrix& boxes = matrices[boxes_last ? 1 : 0];
  if (boxes.columns != 4 || scores.columns < 2 || scores.rows != rows || boxes.rows != rows)
    return nullptr;
  if (decoded) priors.clear();
  return std::make_unique<RfbDecoder>(RfbDecoder::Description{name,
                                                              static_cast<int>(scores.columns) - 1,
                                                              kUsualNmsIou,
                                                              {outputs.begin(), outputs.end()}},
                                      input, std::move(priors), scores, boxes);
}

}  // namespace

std::unique_ptr<DetectionDecoder> make_rfb_decoder(std::span<const Shape> outputs,
                                                   const InputSpec& input) {
  return make("rfb", outputs, input, false);
}

std::unique_ptr<DetectionDecoder> make_rfb_decoded_decoder(std::span<const Shape> outputs,
                                                           const InputSpec& input) {
  return make("rfb-decoded", outputs, input, true);
}

}  // namespace quant
