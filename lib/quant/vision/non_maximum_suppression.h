// SPDX-License-Identifier: MIT
// Of detections of one class that overlap, the best stays.
#pragma once

#include <vector>

#include "quant/metrics/detection.h"

namespace quant {

// From the best score down (the first of equals first), a detection that overlaps a kept one of its
// class by more than `most_iou` (intersection over union) goes. Returns the kept ones by falling
// score. Precondition: finite scores and boxes.
std::vector<Detection> suppress_non_maxima(std::vector<Detection> detections, double most_iou);

}  // namespace quant
