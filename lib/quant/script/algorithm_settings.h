// SPDX-License-Identifier: MIT
// What a script says about the algorithms of the optimizer. `line` is the last line that sets
// something here; 0: none, all is default. A policy that is absent is the optimization level's
// choice.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "quant/script/named_value.h"
#include "quant/script/selector.h"

namespace quant {

struct Equalization {
  std::optional<bool> policy;
  Selector layers;  // empty: all
  std::string target;
  int line = 0;

  bool operator==(const Equalization&) const = default;
};

struct EwAddFusing {
  std::optional<bool> policy;
  std::string infusible_ew_add_type;
  int line = 0;

  bool operator==(const EwAddFusing&) const = default;
};

struct LayerNormDecomposition {
  std::string mode;
  std::optional<bool> equalization;
  bool eq_consumer = true;
  std::string bit_decomposition_mode;
  int line = 0;

  bool operator==(const LayerNormDecomposition&) const = default;
};

struct GlobalAvgpoolReduction {
  Selector layers;
  std::vector<int> division_factors;  // height, width
  int line = 0;

  bool operator==(const GlobalAvgpoolReduction&) const = default;
};

struct MatmulEqualization {
  Selector layers;
  bool policy = true;
  std::optional<bool> matmul_bias;
  int line = 0;

  bool operator==(const MatmulEqualization&) const = default;
};

struct MatmulCorrection {
  Selector layers;
  std::string correction_type;  // zp_comp_block, …
  int line = 0;

  bool operator==(const MatmulCorrection&) const = default;
};

struct BiasCorrection {
  std::optional<bool> policy;
  int line = 0;

  bool operator==(const BiasCorrection&) const = default;
};

enum class AdaroundMode { kTrain4Bit, kTrainAll };
template <>
inline constexpr auto kNamedValues<AdaroundMode> = std::to_array<NamedValue<AdaroundMode>>(
    {{"train_4bit", AdaroundMode::kTrain4Bit}, {"train_all", AdaroundMode::kTrainAll}});

struct Adaround {
  std::optional<bool> policy;
  AdaroundMode mode = AdaroundMode::kTrain4Bit;
  double learning_rate = 1e-3;
  int epochs = 320;
  int batch_size = 32;
  int dataset_size = 1024;
  double warmup = 0.2;
  double weight = 0.01;
  std::vector<double> b_range = {20.0, 2.0};  // the annealing's first and last exponent
  bool train_bias = true;
  int line = 0;

  bool operator==(const Adaround&) const = default;
};

enum class LossType { kL2Rel, kL2, kCrossEntropy, kCosine };
template <>
inline constexpr auto kNamedValues<LossType> =
    std::to_array<NamedValue<LossType>>({{"l2rel", LossType::kL2Rel},
                                         {"l2", LossType::kL2},
                                         {"ce", LossType::kCrossEntropy},
                                         {"cosine", LossType::kCosine}});

struct Finetune {
  std::optional<bool> policy;
  double learning_rate = 1e-4;
  int epochs = 4;
  int batch_size = 8;
  int dataset_size = 1024;
  int warmup_epochs = 0;
  Selector loss_layers;  // empty: the outputs
  std::vector<LossType> loss_types;
  std::vector<double> loss_factors;
  LossType def_loss_type = LossType::kL2Rel;  // of layers that loss_types does not reach
  std::string meta_arch;
  bool train_scales = false;
  int line = 0;

  bool operator==(const Finetune&) const = default;
};

enum class SearchOptimizer { kLinear, kPareto };
template <>
inline constexpr auto kNamedValues<SearchOptimizer> = std::to_array<NamedValue<SearchOptimizer>>(
    {{"linear", SearchOptimizer::kLinear}, {"pareto", SearchOptimizer::kPareto}});

struct MixPrecisionSearch {
  std::optional<bool> policy;
  double snr_cap_db = 140.0;  // what lies above counts no more
  int dataset_size = 16;
  int batch_size = 8;
  SearchOptimizer optimizer = SearchOptimizer::kLinear;
  std::string compression_metric = "bops";
  int line = 0;

  bool operator==(const MixPrecisionSearch&) const = default;
};

}  // namespace quant
