// SPDX-License-Identifier: MIT
// A NoiseReport for people (a fixed-width table) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/analyze/layer_noise_advice.h"

namespace quant {

// Everything that the report says, made once for all its forms.
struct NoiseFindings {
  std::string model;  // file name, as the user gave it
  NoiseReport noise;
  std::vector<LayerAdvice> worst;
  std::vector<std::string> remarks;
};

// One line a layer, the model's outputs, then the worst layers with advice.
std::string to_text(const NoiseFindings& findings);

// {"model", "frames", "full_frames", "layers": [{"layer", "op", "original_names", "value", "shape",
// "inputs": [names of layers], the fields of to_json(OutputError), "added_noise", "channel_scaled",
// "seen": [min, max], "range": [min, max], "scale", "zero_point", "saturation", "empty_range",
// "channels", "dead_channels", "lost_channels", "channel_spread", "histogram": {"from", "width",
// "float": [counts], "quantized": [counts]}, "pairs": {"channel": [...], "quantized": [integers],
// "float": [...]} (neither for layers that only move values), "at_outputs": {output: {"snr_db",
// "state"}}}], "outputs": [{"name", "frames", the fields of to_json(OutputError), "skip_reason"}],
// "unmatched", "worst": [{"layer", "advice", "script"}], "remarks"}. Where channels are scaled, of
// the errors only snr_db, state, signal, noise and mse. Values that are not finite are null.
nlohmann::ordered_json to_json(const NoiseFindings& findings);

}  // namespace quant
