// SPDX-License-Identifier: MIT
#include <array>

#include "quant/vision/detection_heads.h"

namespace quant {
namespace {

constexpr double kUsualNmsIou = 0.45;
constexpr std::size_t kAnchors = 3;
constexpr std::size_t kFirstClass = kAnchors * 4 + kAnchors;

struct Anchor {  // pixels
  double width;
  double height;
};
struct Level {
  int stride;
  std::array<Anchor, kAnchors> anchors;
};
constexpr std::array<Level, 2> kLevels = {
    {{16, {{{12.64, 19.39}, {37.88, 51.48}, {55.71, 138.31}}}},
     {32, {{{126.91, 78.23}, {131.57, 214.55}, {279.92, 258.87}}}}}};

class YoloFastestV2Decoder final : public DetectionDecoder {
 public:
  YoloFastestV2Decoder(Description description, const InputSpec& input)
      : DetectionDecoder(std::move(description)),
        grids_({grid_of(input, kLevels[0].stride), grid_of(input, kLevels[1].stride)}) {}

 protected:
  void collect(std::span<const Tensor> outputs, float score_threshold,
               std::vector<Detection>& found) const override {
    const auto values = outputs.front().data<float>();
    const std::size_t columns = kFirstClass + static_cast<std::size_t>(classes());
    std::size_t start = 0;
    for (std::size_t level = 0; level < kLevels.size(); ++level)
      for (int y = 0; y < grids_[level].rows; ++y)
        for (int x = 0; x < grids_[level].columns; ++x, start += columns)
          collect_cell(values.subspan(start, columns), kLevels[level], x, y, score_threshold,
                       found);
  }

 private:
  void collect_cell(std::span<const float> cell, const Level& level, int column, int row,
                    float score_threshold, std::vector<Detection>& found) const {
    for (std::size_t a = 0; a < kAnchors; ++a) {
      const float objectness = cell[kAnchors * 4 + a];
      const std::span<const float> box = cell.subspan(a * 4, 4);
      const double x = (2.0 * box[0] - 0.5 + column) * level.stride;
      const double y = (2.0 * box[1] - 0.5 + row) * level.stride;
      const double half_width = 2.0 * box[2] * box[2] * level.anchors[a].width;
      const double half_height = 2.0 * box[3] * box[3] * level.anchors[a].height;
      for (int label = 0; label < classes(); ++label) {
        const float score = objectness * cell[kFirstClass + static_cast<std::size_t>(label)];
        if (score >= score_threshold)
          found.push_back(
              {{x - half_width, y - half_height, x + half_width, y + half_height}, score, label});
      }
    }
  }

  std::array<Grid, 2> grids_;
};

}  // namespace

std::unique_ptr<DetectionDecoder> make_yolo_fastestv2_decoder(std::span<const Shape> outputs,
                                                              const InputSpec& input) {
  const std::vector<OutputMatrix> matrices = output_matrices(outputs);
  std::int64_t cells = 0;
  for (const Level& level : kLevels) cells += grid_of(input, level.stride).cells();
  const auto first_class = static_cast<std::int64_t>(kFirstClass);
  if (outputs.size() != 1 || matrices.size() != 1 || matrices[0].rows != cells ||
      matrices[0].columns <= first_class)
    return nullptr;
  return std::make_unique<YoloFastestV2Decoder>(
      YoloFastestV2Decoder::Description{"yolo-fastestv2",
                                        static_cast<int>(matrices[0].columns - first_class),
                                        kUsualNmsIou,
                                        {outputs.begin(), outputs.end()}},
      input);
}

}  // namespace quant
