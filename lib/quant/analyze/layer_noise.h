// SPDX-License-Identifier: MIT
// On-layer noise: everything is quantized, and each layer's own output is compared with the float
// network's. Says where along the network the signal is lost. docs/analyze.md is this for readers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quant/analyze/hybrid_network.h"
#include "quant/analyze/pair_sample.h"
#include "quant/analyze/value_histogram.h"
#include "quant/backend/model.h"
#include "quant/metrics/snr.h"
#include "quant/vision/frame_source.h"

namespace quant {

// One layer whose output the float network has too, pooled over all frames. Channels are axis 1 of
// feature maps (rank 4), else the last axis.
struct LayerNoise {
  std::string layer;  // conv12, as `inspect` shows it
  std::string op;
  std::vector<std::string> original_names;  // ONNX nodes
  std::string value;                        // ONNX name of the output
  Shape shape;
  std::vector<std::size_t> inputs;  // the layers in LayerNoise order that feed it

  OutputError error;  // against float
  // Noise per signal here less that of its noisiest input: what the layer itself brings in.
  double added_noise = 0;
  // Whether equalization scaled its channels against the original (channel_scales.h): it is held
  // against the float network with the same scales.
  bool channel_scaled = false;

  float seen_min = 0;  // what float made on these frames, in the scale of the integers
  float seen_max = 0;
  QuantParams params;

  // Share of the integers at an end of the range, 0…1. An end that stands for zero or for the
  // layer's own clamp (ReLU, Clip) does not count: what lies there is exact.
  double saturation = 0;
  // Share of the range, at both ends together, that holds at most kTailShare of the values.
  double empty_range = 0;
  std::int64_t channels = 0;
  std::int64_t dead_channels = 0;  // never another integer than one
  std::int64_t lost_channels = 0;  // of these, those that vary in float
  // Largest range of a channel to the median one (float, in the scale of the integers, channels
  // without range left out); 1 where there is one channel or none.
  double channel_spread = 1;

  // Of all values, and of a sample of them. Both empty for layers that only move values, as Reshape
  // and Slice: theirs are those of the layer before.
  ValueHistogram histogram;
  std::vector<ValuePair> pairs;

  // Full analysis only (layer_noise_full.h): by model output, the noise there when this layer alone
  // is quantized.
  std::vector<OutputError> at_outputs;
};

inline constexpr double kTailShare = 1e-4;

// One of the model's own outputs, host part included: fp-optimized against quantized.
struct ModelOutputNoise {
  std::string name;
  OutputError error;
  std::int64_t frames = 0;  // in `error`
  std::string skip_reason;  // of the last frame that could not be compared
};

struct NoiseReport {
  std::int64_t frames = 0;
  std::int64_t full_frames = 0;    // of the full analysis
  std::vector<LayerNoise> layers;  // in the order of the integer graph
  std::vector<ModelOutputNoise> outputs;
  std::vector<std::string> unmatched;  // integer layers that float has no counterpart for
};

// One thread at a time.
class LayerNoiseAnalysis {
 public:
  // Errors of the executors; InvalidArgument where the two sides share no layer.
  static Result<LayerNoiseAnalysis> create(NoiseSubject subject, int threads);
  LayerNoiseAnalysis(LayerNoiseAnalysis&&) noexcept;
  LayerNoiseAnalysis& operator=(LayerNoiseAnalysis&&) noexcept;
  ~LayerNoiseAnalysis();

  Status add_frame(const Frame& frame);
  NoiseReport report() const;

 private:
  struct State;
  explicit LayerNoiseAnalysis(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quant
