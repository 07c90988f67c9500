// SPDX-License-Identifier: MIT
#include "quant/analyze/layer_noise_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace quant {
namespace {

// Two bits and more of eight are lost to the weaker half of the channels.
constexpr double kWideSpread = 4;
constexpr double kManySaturated = 0.001;
constexpr double kMuchEmpty = 0.4;
constexpr double kWider = 1.25;
constexpr std::int64_t kFewImages = 16;

double noise_share(const OutputError& error) {
  return error.signal > 0 ? error.noise / error.signal : 0;
}

// These copy integers, or take the largest: what they round, the layer before has rounded.
bool only_moves(const LayerNoise& layer) {
  static constexpr std::array<std::string_view, 15> kMoves = {
      "Concat",  "DepthToSpace", "Expand", "Flatten", "Gather", "Identity",  "MaxPool",  "Pad",
      "Reshape", "SpaceToDepth", "Slice",  "Squeeze", "Split",  "Transpose", "Unsqueeze"};
  return std::find(kMoves.begin(), kMoves.end(), layer.op) != kMoves.end();
}

// What the ranking goes by; 0: not listed.
double badness(const NoiseReport& report, const LayerNoise& layer) {
  if (only_moves(layer)) return 0;
  if (report.full_frames == 0) return layer.added_noise;
  double worst = 0;
  for (const OutputError& error : layer.at_outputs) worst = std::max(worst, noise_share(error));
  return worst;
}

bool has_weights(const LayerNoise& layer) {
  return layer.op == "Conv" || layer.op == "ConvTranspose" || layer.op == "Gemm";
}

LayerAdvice advice_for(const LayerNoise& layer) {
  LayerAdvice advice;
  const bool cut =
      layer.seen_min < layer.params.range_min || layer.seen_max > layer.params.range_max;
  const double width = static_cast<double>(layer.params.range_max) - layer.params.range_min;
  const double seen = static_cast<double>(layer.seen_max) - layer.seen_min;
  if (cut && layer.saturation >= kManySaturated) {
    advice.text = fmt::format(
        "{:.2g} % of its values are cut off at {:.4g} .. {:.4g}, these frames reach {:.4g} .. "
        "{:.4g}: "
        "calibrate with more of such frames, or widen the range",
        100 * layer.saturation, layer.params.range_min, layer.params.range_max, layer.seen_min,
        layer.seen_max);
    advice.script =
        fmt::format("quantization_param({}, force_range_out=[{:.6g}, {:.6g}])", layer.layer,
                    std::min(layer.seen_min, 0.0F), std::max(layer.seen_max, 0.0F));
  } else if (layer.empty_range >= kMuchEmpty && width > kWider * seen) {
    advice.text = fmt::format(
        "{:.0f} % of its range is not used: it shares the range with other layers (a "
        "concatenation), "
        "or calibration images went further than these; with sixteen bits it matters no more",
        100 * layer.empty_range);
    advice.script = fmt::format("quantization_param({}, precision_mode=a16_w16)", layer.layer);
  } else if (layer.empty_range >= kMuchEmpty) {
    advice.text =
        fmt::format("{:.0f} % of its range holds next to nothing: cut the rare values off",
                    100 * layer.empty_range);
    advice.script = fmt::format(
        "pre_quantization_optimization(activation_clipping, layers=[{}], mode=percentile, "
        "clipping_values=[0.01, 99.99])",
        layer.layer);
  } else if (layer.op == "Conv" && !layer.channel_scaled && layer.channel_spread >= kWideSpread) {
    advice.text = fmt::format(
        "one scale serves channels whose ranges differ by {:.1f} and more{}: equalize them",
        layer.channel_spread,
        layer.lost_channels > 0 ? fmt::format(", {} are lost", layer.lost_channels) : "");
    advice.script = fmt::format(
        "pre_quantization_optimization(equalization, layers=[{}], policy=enabled)", layer.layer);
  } else if (has_weights(layer)) {
    advice.text = "its ranges are used well, eight bits are too few for it: give it sixteen";
    advice.script = fmt::format("quantization_param({}, precision_mode=a16_w16)", layer.layer);
  } else {
    advice.text = "it has no weights, eight bits of output are too few for it: give it sixteen";
    advice.script = fmt::format("quantization_param({}, precision_mode=a16_w16)", layer.layer);
  }
  return advice;
}

}  // namespace

std::vector<LayerAdvice> advise(const NoiseReport& report, std::size_t most) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    if (badness(report, report.layers[i]) > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return badness(report, report.layers[a]) > badness(report, report.layers[b]);
  });
  order.resize(std::min(order.size(), most));
  std::vector<LayerAdvice> result;
  for (const std::size_t index : order) {
    result.push_back(advice_for(report.layers[index]));
    result.back().layer = index;
  }
  return result;
}

std::vector<std::string> general_remarks(const NoiseReport& report,
                                         const CalibrationStatistics& calibration) {
  std::vector<std::string> remarks;
  if (calibration.images > 0 && calibration.images < kFewImages) {
    remarks.push_back(fmt::format(
        "the model was calibrated on {} image{}: too few to know its ranges, look at that first",
        calibration.images, calibration.images == 1 ? "" : "s"));
  }
  if (calibration.repeated > 0 || calibration.single_color > 0) {
    remarks.push_back(fmt::format(
        "of {} calibration images {} are repeated and {} of a single colour: they say nothing new",
        calibration.images, calibration.repeated, calibration.single_color));
  }
  for (const ModelOutputNoise& output : report.outputs) {
    const Snr snr = output.error.snr();
    if (snr.state == SnrState::kOk && snr.db < kLowSnrDb) {
      remarks.push_back(fmt::format(
          "output {} has {:.2f} dB, below {:.0f}: check with labels whether the model still works",
          output.name, snr.db, kLowSnrDb));
    }
  }
  return remarks;
}

}  // namespace quant
