// SPDX-License-Identifier: MIT
// What fine-tuning found, made into integers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/observer.h"

namespace quant {

struct TunedLayer {
  Tensor weights;           // float32, in the order of the integer graph (lower.h)
  WeightSteps steps;        // that these weights were trained to be rounded to
  std::vector<float> bias;  // one per output channel, real values
};

struct TunedValues {
  std::map<std::string, TunedLayer> layers;  // by name of the layer
  std::map<std::string, Range> ranges;       // by name of the value
};

// `ranges` (by ValueId of `float_graph`) with those that were tuned in their place.
std::vector<Range> tuned_ranges(const Graph& float_graph, const std::vector<Range>& ranges,
                                const TunedValues& tuned);

// Lowers `float_graph` with tuned ranges (see tuned_ranges), weights and biases. Errors of lower();
// InvalidData naming the layer where a weight is not finite.
Result<QuantizedModel> tuned_model(const Graph& float_graph, const InputSpec& input,
                                   const std::vector<Range>& ranges, const QuantizationPlan& plan,
                                   const TunedValues& tuned);

}  // namespace quant
