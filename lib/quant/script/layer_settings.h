// SPDX-License-Identifier: MIT
// What a script says about single layers. `line` is the line that says it.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "quant/script/named_value.h"
#include "quant/script/precision_mode.h"
#include "quant/script/selector.h"

namespace quant {

// Real values; low < high.
struct ValueRange {
  double low = 0.0;
  double high = 0.0;

  bool operator==(const ValueRange&) const = default;
};

enum class BiasMode { kSingleScaleDecomposition, kDoubleScaleInitialization };
template <>
inline constexpr auto kNamedValues<BiasMode> = std::to_array<NamedValue<BiasMode>>(
    {{"single_scale_decomposition", BiasMode::kSingleScaleDecomposition},
     {"double_scale_initialization", BiasMode::kDoubleScaleInitialization}});

enum class ActivationClippingMode { kDisabled, kManual, kPercentile, kPercentileForce };
template <>
inline constexpr auto kNamedValues<ActivationClippingMode> =
    std::to_array<NamedValue<ActivationClippingMode>>(
        {{"disabled", ActivationClippingMode::kDisabled},
         {"manual", ActivationClippingMode::kManual},
         {"percentile", ActivationClippingMode::kPercentile},
         {"percentile_force", ActivationClippingMode::kPercentileForce}});

enum class WeightsClippingMode { kDisabled, kManual, kPercentile, kMmse, kMmseIf4Bit };
template <>
inline constexpr auto kNamedValues<WeightsClippingMode> =
    std::to_array<NamedValue<WeightsClippingMode>>(
        {{"disabled", WeightsClippingMode::kDisabled},
         {"manual", WeightsClippingMode::kManual},
         {"percentile", WeightsClippingMode::kPercentile},
         {"mmse", WeightsClippingMode::kMmse},
         {"mmse_if4b", WeightsClippingMode::kMmseIf4Bit}});

enum class OutputActivationKind { kLinear, kRelu, kSigmoid, kTanh };
template <>
inline constexpr auto kNamedValues<OutputActivationKind> =
    std::to_array<NamedValue<OutputActivationKind>>({{"linear", OutputActivationKind::kLinear},
                                                     {"relu", OutputActivationKind::kRelu},
                                                     {"sigmoid", OutputActivationKind::kSigmoid},
                                                     {"tanh", OutputActivationKind::kTanh}});

// quantization_param: what is absent stays as an earlier line or the default has it.
struct LayerQuantization {
  Selector layers;
  std::optional<PrecisionMode> precision;
  std::optional<BiasMode> bias_mode;
  std::optional<int> quantization_groups;
  std::optional<int> weight_group_size;
  std::optional<ValueRange> force_range_in;
  std::optional<int> force_range_index;  // which input force_range_in is for; absent: every one
  std::optional<ValueRange> force_range_out;
  std::optional<int> max_elementwise_feed_repeat;
  std::optional<bool> activation_fit;
  std::optional<double> null_channels_cutoff_factor;
  int line = 0;

  bool operator==(const LayerQuantization&) const = default;
};

struct ActivationClipping {
  Selector layers;
  ActivationClippingMode mode = ActivationClippingMode::kDisabled;
  // Real values for kManual, percentages for the percentiles.
  std::optional<ValueRange> values;
  bool recollect_stats = false;
  int line = 0;

  bool operator==(const ActivationClipping&) const = default;
};

struct WeightsClipping {
  Selector layers;
  WeightsClippingMode mode = WeightsClippingMode::kMmseIf4Bit;
  std::optional<ValueRange> values;
  int line = 0;

  bool operator==(const WeightsClipping&) const = default;
};

struct OutputActivation {
  Selector layers;  // empty: every output
  OutputActivationKind activation = OutputActivationKind::kLinear;
  int line = 0;

  bool operator==(const OutputActivation&) const = default;
};

// Bits of the accumulator's scale that a layer may give away when its ranges are not balanced.
struct NegativeExponent {
  Selector layers;
  int rank = 0;
  int line = 0;

  bool operator==(const NegativeExponent&) const = default;
};

}  // namespace quant
