// SPDX-License-Identifier: MIT
// What a metric command of the user prints, and the figures that it makes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/analyze/evaluation.h"
#include "quant/base/result.h"

namespace quant {

struct MetricValues {
  std::string name;
  std::vector<double> values;  // one of the whole set, or one an image in the order of images
};

// Takes
//   one number a line: one line for the whole set, or one an image ("metric"); empty lines do not
//   count,
//   or a JSON object: name → number, or name → array of one number an image.
// InvalidData, without context, where it is neither, a number is not finite, or there are neither
// one nor `images` of them.
Result<std::vector<MetricValues>> parse_metric_output(std::string_view text, std::size_t images);

// One figure a metric: the mean over images, with an interval, where each image has its number;
// else the number itself, without one. `outputs`: by context. InvalidData where the contexts differ
// in their metrics.
Result<std::vector<EvaluatedFigure>> external_figures(
    std::span<const std::vector<MetricValues>> outputs, std::span<const std::string> contexts,
    std::size_t images, const BootstrapOptions& bootstrap);

}  // namespace quant
