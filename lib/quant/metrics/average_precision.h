// SPDX-License-Identifier: MIT
// Average precision of a detector as COCO defines it
// (https://cocodataset.org/#detection-eval): greedy matching by score at ten thresholds of
// intersection over union, precision interpolated at 101 recalls, per class, then the mean.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "quant/metrics/detection.h"

namespace quant {

// 0.50, 0.55 … 0.95.
inline constexpr std::size_t kIouSteps = 10;

struct MatchedDetection {
  float score = 0;
  int label = 0;
  std::bitset<kIouSteps> hit;      // found a box that was to be found
  std::bitset<kIouSteps> ignored;  // lies on an ignored box: counts neither way
};

// One image.
struct ImageMatches {
  std::vector<MatchedDetection> detections;  // of one label: best score first
  std::map<int, std::int64_t> truth;         // boxes to be found, by label

  std::int64_t boxes() const;
};

// In the order of scores (the first of equals first), each detection takes the free box of its
// class that it overlaps most, if by the threshold or more. One without such a box that reaches the
// threshold with an ignored box is ignored; an ignored box takes any number. Of each class the
// `most_per_class` best count. Precondition: finite scores and boxes.
ImageMatches match_detections(std::span<const Detection> found, std::span<const TruthBox> truth,
                              std::size_t most_per_class);

// Over images; constant, reentrant. Memory: 16 bytes a detection.
class AveragePrecision {
 public:
  explicit AveragePrecision(std::span<const ImageMatches> images);

  // Mean over the classes with a box to be found, 0…1; nothing where there is no such box.
  // `weights`: how often each image counts; empty: each once. ap50_95 is the mean of all ten
  // thresholds. Precondition: one weight an image, or none.
  std::optional<double> ap50(std::span<const std::uint32_t> weights = {}) const;
  std::optional<double> ap50_95(std::span<const std::uint32_t> weights = {}) const;

  struct ClassFigures {
    int label = 0;
    std::int64_t boxes = 0;  // to be found
    double ap50 = 0;
    double ap50_95 = 0;
  };
  // The classes with a box to be found, by label.
  std::vector<ClassFigures> by_class() const;

 private:
  struct Entry {
    float score;
    std::uint32_t image;
    std::uint16_t hit;
    std::uint16_t ignored;
  };
  struct TruthCount {
    std::uint32_t image;
    std::uint32_t boxes;
  };
  struct Class {
    std::vector<Entry> detections;  // best score first; the order of images among equals
    std::vector<TruthCount> truth;

    std::int64_t boxes(std::span<const std::uint32_t> weights) const;
    double average_precision(std::size_t step, std::int64_t boxes,
                             std::span<const std::uint32_t> weights) const;
  };

  std::optional<double> mean(std::size_t steps, std::span<const std::uint32_t> weights) const;

  std::map<int, Class> classes_;
};

}  // namespace quant
