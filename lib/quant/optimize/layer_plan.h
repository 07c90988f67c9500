// SPDX-License-Identifier: MIT
// What every layer of a network shall be computed in, before ranges are looked at: the part of
// quantization that a person, a script or a search decides.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "quant/optimize/output_encoding.h"
#include "quant/script/precision_mode.h"

namespace quant {

// How the scales of a layer's weights are chosen.
struct WeightScaling {
  enum class Clip {
    kNone,    // the largest weight is the largest integer
    kMse,     // the scale of least square error over the channel's weights
    kManual,  // weights beyond ±limit saturate
  };
  // Groups of neighbouring output channels that share one scale; 0: every channel has its own.
  int groups = 0;
  // Of 4-bit weights: input channels that share a step within an output channel; 0: all.
  int group_size = 0;
  Clip clip = Clip::kNone;
  double limit = 0;  // of kManual, > 0
  bool operator==(const WeightScaling&) const = default;
};

struct LayerPlan {
  PrecisionMode precision;
  WeightScaling scaling;
  bool operator==(const LayerPlan&) const = default;
};

struct QuantizationPlan {
  // By node of the float graph; empty: every layer as a default LayerPlan has it.
  std::vector<LayerPlan> layers;
  // Of outputs that have a scale per channel.
  std::vector<OutputEncoding> encodings;

  LayerPlan layer(std::size_t node) const { return layers.empty() ? LayerPlan{} : layers[node]; }
  bool operator==(const QuantizationPlan&) const = default;
};

}  // namespace quant
