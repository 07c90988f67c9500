// SPDX-License-Identifier: MIT
// Commands that change the network at its inputs and outputs.
#include <fmt/format.h>

#include <algorithm>

#include "quant/script/command_table.h"

namespace quant {
namespace {

constexpr ValueLimits kPixels{.least = 1, .most = 65536, .count = 2};

std::optional<std::string> check_normalization(const NormalizationLayer& layer) {
  if (layer.mean.size() != layer.std.size()) {
    return fmt::format("mean has {} values and std {}: both have one a channel", layer.mean.size(),
                       layer.std.size());
  }
  const auto is_positive = [](double value) { return value > 0; };
  if (!std::all_of(layer.std.begin(), layer.std.end(), is_positive))
    return "every value of std must be greater than 0";
  return std::nullopt;
}

}  // namespace

std::vector<Command> network_commands() {
  return {
      carried_out<NormalizationLayer>(
          "normalization", "", "Puts (x - mean) / std behind an input, so that it takes pixels.",
          {field("mean", &NormalizationLayer::mean, "mean of each channel").positional().required(),
           field("std", &NormalizationLayer::std, "standard deviation of each channel")
               .positional()
               .required(),
           field("input", &NormalizationLayer::input, "the input; none: the only one")
               .positional()},
          &ModelScript::normalizations, check_normalization),
      carried_out<InputConversion>(
          "input_conversion", "", "Puts a conversion of colours behind an input.",
          {field("input", &InputConversion::input, "the input; none: every one").left_out_first(),
           field("conversion", &InputConversion::conversion, "from what to what")
               .positional()
               .required(),
           field("emulator_support", &InputConversion::emulator_support,
                 "images for the emulator are in the source format too")},
          &ModelScript::input_conversions),
      carried_out<InputResize>(
          "resize", "", "Puts a bilinear resize behind an input.",
          {field("input", &InputResize::input, "the input").positional().required(),
           field("resize_shapes", &InputResize::size, "height and width of what comes in", kPixels)
               .required()},
          &ModelScript::resizes),
      carried_out<InputTranspose>(
          "transpose", "", "Swaps rows and columns behind an input.",
          {field("input", &InputTranspose::input, "the input; none: every one").positional()},
          &ModelScript::transposes),
      carried_out<OutputActivation>(
          "change_output_activation", "", "Gives output layers another activation.",
          {field("layers", &OutputActivation::layers, "the layers; none: every output")
               .left_out_first(),
           field("activation", &OutputActivation::activation, "what follows the layer")
               .positional()
               .required()},
          &ModelScript::output_activations),
      carried_out<NmsPostprocess>(
          "nms_postprocess", "",
          "Puts box decoding and non-maximum suppression behind the outputs.",
          {field("config", &NmsPostprocess::config, "JSON file with the boxes' parameters")
               .positional(),
           field("meta_arch", &NmsPostprocess::meta_arch, "family of detectors, as yolov8 or ssd")
               .positional(),
           field("engine", &NmsPostprocess::engine, "where it runs, as cpu or nn_core"),
           field("bbox_decoding_only", &NmsPostprocess::bbox_decoding_only,
                 "decodes the boxes and suppresses none")},
          &ModelScript::nms_postprocesses),
  };
}

}  // namespace quant
