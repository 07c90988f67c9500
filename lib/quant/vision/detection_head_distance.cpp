// SPDX-License-Identifier: MIT
// NanoDet and SCRFD: from each point of a grid the distances to the four sides of its box.
#include <algorithm>
#include <array>
#include <cmath>

#include "quant/vision/detection_heads.h"

namespace quant {
namespace {

constexpr std::array<int, 3> kStrides = {8, 16, 32};

struct HeadForm {
  const char* name;
  std::int64_t classes;  // 0: any number
  int anchors;           // boxes a cell
  double offset;         // of the point in its cell, in strides
  int bins;              // values a distance is the expectation of; 1: it stands there
  double usual_nms_iou;
};
constexpr HeadForm kNanodet = {"nanodet", 0, 1, 0.5, 8, 0.6};
constexpr HeadForm kScrfd = {"scrfd", 1, 2, 0, 1, 0.4};

struct Level {
  Grid grid;
  std::size_t scores = 0;  // outputs
  std::size_t distances = 0;
};

// In strides.
double distance(std::span<const float> bins) {
  if (bins.size() == 1) return bins[0];
  const float highest = *std::max_element(bins.begin(), bins.end());
  double sum = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const double share = std::exp(double{bins[i]} - highest);
    sum += share;
    weighted += share * static_cast<double>(i);
  }
  return weighted / sum;
}

class DistanceDecoder final : public DetectionDecoder {
 public:
  DistanceDecoder(Description description, const HeadForm& form, std::vector<Level> levels)
      : DetectionDecoder(std::move(description)), form_(form), levels_(std::move(levels)) {}

 protected:
  void collect(std::span<const Tensor> outputs, float score_threshold,
               std::vector<Detection>& found) const override {
    for (const Level& level : levels_) {
      const auto scores = outputs[level.scores].data<float>();
      const auto distances = outputs[level.distances].data<float>();
      const auto columns = static_cast<std::size_t>(classes());
      const auto sides = 4 * static_cast<std::size_t>(form_.bins);
      for (std::size_t row = 0; row < scores.size() / columns; ++row)
        for (std::size_t label = 0; label < columns; ++label) {
          const float score = scores[row * columns + label];
          if (score >= score_threshold)
            found.push_back({box_of(level.grid, row, distances.subspan(row * sides, sides)), score,
                             static_cast<int>(label)});
        }
    }
  }

 private:
  Box box_of(const Grid& grid, std::size_t row, std::span<const float> sides) const {
    const int cell = static_cast<int>(row) / form_.anchors;
    const int column = cell % grid.columns;
    const int line = cell / grid.columns;
    const double x = (column + form_.offset) * grid.stride;
    const double y = (line + form_.offset) * grid.stride;
    const auto bins = static_cast<std::size_t>(form_.bins);
    const auto side = [&](std::size_t i) {
      return distance(sides.subspan(i * bins, bins)) * grid.stride;
    };
    return {x - side(0), y - side(1), x + side(2), y + side(3)};
  }

  HeadForm form_;
  std::vector<Level> levels_;
};

// Of two outputs that may both be either, the first is the scores. Nothing where none are.
std::optional<std::pair<OutputMatrix, OutputMatrix>> scores_and_distances(
    std::span<const OutputMatrix> matrices, std::int64_t rows, std::int64_t classes, int bins) {
  for (const OutputMatrix& scores : matrices)
    for (const OutputMatrix& distances : matrices)
      if (scores.index != distances.index && scores.rows == rows && distances.rows == rows &&
          (classes == 0 || scores.columns == classes) && distances.columns == 4 * bins)
        return std::pair(scores, distances);
  return std::nullopt;
}

std::unique_ptr<DetectionDecoder> make(const HeadForm& form, std::span<const Shape> outputs,
                                       const InputSpec& input) {
  const std::vector<OutputMatrix> matrices = output_matrices(outputs);
  std::vector<Level> levels;
  std::int64_t classes = form.classes;
  for (const int stride : kStrides) {
    const Grid grid = grid_of(input, stride);
    const auto pair =
        scores_and_distances(matrices, grid.cells() * form.anchors, classes, form.bins);
    if (!pair) return nullptr;
    classes = pair->first.columns;
    levels.push_back({grid, pair->first.index, pair->second.index});
  }
  return std::make_unique<DistanceDecoder>(
      DistanceDecoder::Description{form.name,
                                   static_cast<int>(classes),
                                   form.usual_nms_iou,
                                   {outputs.begin(), outputs.end()}},
      form, std::move(levels));
}

}  // namespace

std::unique_ptr<DetectionDecoder> make_nanodet_decoder(std::span<const Shape> outputs,
                                                       const InputSpec& input) {
  return make(kNanodet, outputs, input);
}

std::unique_ptr<DetectionDecoder> make_scrfd_decoder(std::span<const Shape> outputs,
                                                     const InputSpec& input) {
  return make(kScrfd, outputs, input);
}

}  // namespace quant
