// SPDX-License-Identifier: MIT
#include "quant/vision/non_maximum_suppression.h"

#include <algorithm>

namespace quant {

std::vector<Detection> suppress_non_maxima(std::vector<Detection> detections, double most_iou) {
  std::stable_sort(detections.begin(), detections.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  std::vector<Detection> kept;
  for (const Detection& detection : detections) {
    const auto covers = [&](const Detection& better) {
      return better.label == detection.label &&
             intersection_over_union(better.box, detection.box) > most_iou;
    };
    if (std::none_of(kept.begin(), kept.end(), covers)) kept.push_back(detection);
  }
  return kept;
}

}  // namespace quant
