// SPDX-License-Identifier: MIT
// A model script as values: everything that it says, without its syntax.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/script/algorithm_settings.h"
#include "quant/script/diagnostic.h"
#include "quant/script/layer_settings.h"
#include "quant/script/named_value.h"
#include "quant/script/network_settings.h"

namespace quant {

struct OptimizationFlavor {
  int optimization_level = 2;  // below 0: nothing is optimized
  int compression_level = 0;   // times 20 % of the weights in 4 bits
  int batch_size = 8;
  int line = 0;

  bool operator==(const OptimizationFlavor&) const = default;
};

struct CalibrationSettings {
  int batch_size = 8;
  int calibset_size = 64;
  int line = 0;

  bool operator==(const CalibrationSettings&) const = default;
};

struct GlobalSettings {
  bool output_encoding_vector = false;  // outputs have one scale a channel
  bool output_16bit = false;
  std::string multiproc_policy;
  int line = 0;

  bool operator==(const GlobalSettings&) const = default;
};

enum class AnalyzeMode { kSimple, kAdvanced };
template <>
inline constexpr auto kNamedValues<AnalyzeMode> = std::to_array<NamedValue<AnalyzeMode>>(
    {{"simple", AnalyzeMode::kSimple}, {"advanced", AnalyzeMode::kAdvanced}});

// The noise analysis that follows the optimization.
struct CheckerSettings {
  bool policy = true;
  AnalyzeMode analyze_mode = AnalyzeMode::kSimple;
  bool batch_norm_checker = true;
  int dataset_size = 16;
  int batch_size = 8;
  int line = 0;

  bool operator==(const CheckerSettings&) const = default;
};

// Shares of the weights that are given other than 8 bits, 0 to 1.
struct CompressionSettings {
  std::optional<double> auto_4bit_weights_ratio;   // absent: compression_level says it
  std::optional<double> auto_16bit_weights_ratio;  // absent: none
  int line = 0;

  bool operator==(const CompressionSettings&) const = default;
};

// A command or parameter that this program reads and does nothing with.
struct WithoutEffect {
  std::string what;  // "allocator_param", "model_optimization_config(globals): multiproc_policy"
  int line = 0;

  bool operator==(const WithoutEffect&) const = default;
};

// Of single settings the last line counts; lists are in the order of the script.
struct ModelScript {
  ScriptSource source;

  std::vector<NormalizationLayer> normalizations;
  std::vector<InputConversion> input_conversions;
  std::vector<InputResize> resizes;
  std::vector<InputTranspose> transposes;
  std::vector<OutputActivation> output_activations;
  std::vector<NmsPostprocess> nms_postprocesses;

  OptimizationFlavor flavor;
  CalibrationSettings calibration;
  GlobalSettings globals;
  CheckerSettings checker;
  CompressionSettings compression;
  MixPrecisionSearch mix_precision_search;

  Equalization equalization;
  EwAddFusing ew_add_fusing;
  LayerNormDecomposition layer_norm_decomposition;
  std::vector<GlobalAvgpoolReduction> global_avgpool_reductions;
  std::vector<MatmulEqualization> matmul_equalizations;
  std::vector<MatmulCorrection> matmul_corrections;
  BiasCorrection bias_correction;
  Adaround adaround;
  Finetune finetune;

  std::vector<LayerQuantization> quantization_params;
  std::vector<ActivationClipping> activation_clippings;
  std::vector<WeightsClipping> weights_clippings;
  std::vector<NegativeExponent> negative_exponents;

  std::vector<WithoutEffect> without_effect;

  bool operator==(const ModelScript&) const = default;
};

// A script that could be read as far as it is right.
struct ScriptReading {
  ModelScript script;
  std::vector<Diagnostic> errors;  // in the order of the script
};

// All errors of syntax, commands and values at once.
ScriptReading read_model_script(ScriptSource source);
// The same; errors as one InvalidData whose message shows each with its place and line.
Result<ModelScript> parse_model_script(ScriptSource source);

}  // namespace quant
