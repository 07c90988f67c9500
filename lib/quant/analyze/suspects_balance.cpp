// SPDX-License-Identifier: MIT
// Channels of one layer that differ too much for one scale: of weights, and of activations.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "quant/analyze/suspects.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

// Narrower than this share of the widest channel is silence (pruned, or never active), which loses
// nothing.
constexpr double kSilent = 1e-6;
constexpr std::size_t kNamed = 3;
// A layer where no more channels than these are narrow usually does without them.
constexpr double kFewNarrow = 0.1;

// How far the channels of one tensor lie apart.
struct Spread {
  double widest = 0;
  double narrowest = 0;  // of those that are not silent
  std::size_t channels = 0;
  std::size_t narrow = 0;  // below widest / kUnbalanced, not silent
  std::size_t silent = 0;
  double ratio() const { return narrowest > 0 ? widest / narrowest : 1; }
  double narrow_share() const {
    return static_cast<double>(narrow) / static_cast<double>(std::max<std::size_t>(channels, 1));
  }
};

Spread spread_of(const std::vector<double>& widths) {
  Spread spread;
  spread.channels = widths.size();
  if (widths.empty()) return spread;
  spread.widest = *std::max_element(widths.begin(), widths.end());
  spread.narrowest = spread.widest;
  for (const double width : widths) {
    if (width <= spread.widest * kSilent) {
      ++spread.silent;
      continue;
    }
    if (width * kUnbalanced < spread.widest) ++spread.narrow;
    spread.narrowest = std::min(spread.narrowest, width);
  }
  return spread;
}

// The axis of a layer's weights that runs over output channels; nothing where it has no such
// weights.
std::optional<std::size_t> output_axis(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || node.inputs[1] == kNoValue) return std::nullopt;
  const Value& weights = graph.value(node.inputs[1]);
  if (!weights.constant || weights.constant->type() != DataType::kFloat32) return std::nullopt;
  switch (node.op) {
    case OpKind::kConv:
      return 0;
    case OpKind::kConvTranspose:
      if (node.attributes.integer("group", 1) != 1) return std::nullopt;
      return 1;
    case OpKind::kGemm:
      return node.attributes.integer("transB", 0) != 0 ? 0 : 1;
    case OpKind::kMatMul:
      if (weights.constant->rank() != 2) return std::nullopt;
      return 1;
    default:
      return std::nullopt;
  }
}

std::vector<double> weight_widths(const Tensor& weights, std::size_t axis) {
  const auto values = weights.data<float>();
  const auto channels = static_cast<std::size_t>(weights.shape()[axis]);
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < weights.rank(); ++d)
    inner *= static_cast<std::size_t>(weights.shape()[d]);
  std::vector<double> widths(channels);
  for (std::size_t i = 0; i < values.size(); ++i) {
    double& width = widths[i / inner % channels];
    width = std::max(width, std::abs(static_cast<double>(values[i])));
  }
  return widths;
}

// Names of ONNX nodes that a BatchNormalization reads, in the graph as read.
bool has_batch_normalization(const Graph& native, const Node& layer) {
  const auto readers = consumers(native);
  for (const Node& node : native.nodes) {
    if (node.original_names.empty() || layer.original_names.empty() ||
        node.original_names.front() != layer.original_names.front())
      continue;
    for (const std::size_t reader : readers[static_cast<std::size_t>(node.outputs[0])])
      if (native.nodes[reader].op == OpKind::kBatchNormalization) return true;
  }
  return false;
}

bool is_pointwise(OpKind op) {
  switch (op) {
    case OpKind::kRelu:
    case OpKind::kClip:
    case OpKind::kLeakyRelu:
    case OpKind::kPRelu:
    case OpKind::kElu:
    case OpKind::kSelu:
    case OpKind::kSilu:
    case OpKind::kMish:
    case OpKind::kGelu:
    case OpKind::kHardSwish:
    case OpKind::kHardSigmoid:
    case OpKind::kSigmoid:
    case OpKind::kTanh:
      return true;
    default:
      return false;
  }
}

struct Unbalanced {
  const Node* node = nullptr;
  std::string tensor;
  Spread spread;
  bool batch_normalization = false;
};

std::string normalization_text(std::size_t layers, std::size_t without) {
  if (without == 0) return "The file has batch normalization behind each of them";
  return fmt::format(
      "{} of them {} no batch normalization in the file (exporters usually fold it "
      "into the weights)",
      without == layers ? "All" : std::to_string(without),
      without == 1 && layers > 1 ? "has" : "have");
}

// Those with the most narrow channels first.
std::optional<Finding> report(Suspect suspect, Severity severity, std::string_view what,
                              std::vector<Unbalanced> layers, std::size_t looked_at) {
  if (layers.empty()) return std::nullopt;
  std::stable_sort(layers.begin(), layers.end(), [](const Unbalanced& a, const Unbalanced& b) {
    return std::pair(a.spread.narrow_share(), a.spread.ratio()) >
           std::pair(b.spread.narrow_share(), b.spread.ratio());
  });
  std::vector<std::string> named;
  Json list = Json::array();
  std::size_t without = 0;
  for (const Unbalanced& layer : layers) {
    const Spread& spread = layer.spread;
    if (!layer.batch_normalization) ++without;
    if (named.size() < kNamed)
      named.push_back(
          fmt::format("{} ({:.3g} to {:.3g}, {:.0f}:1; {} of {} channels below 1/{:.0f})",
                      layer.node->name, spread.narrowest, spread.widest, spread.ratio(),
                      spread.narrow, spread.channels, kUnbalanced));
    list.push_back({{"layer", layer.node->name},
                    {"original_names", layer.node->original_names},
                    {"tensor", layer.tensor},
                    {"widest", spread.widest},
                    {"narrowest", spread.narrowest},
                    {"ratio", spread.ratio()},
                    {"channels", spread.channels},
                    {"narrow", spread.narrow},
                    {"silent", spread.silent},
                    {"batch_normalization", layer.batch_normalization}});
  }
  const std::string more =
      layers.size() > kNamed ? fmt::format(" and {} more", layers.size() - kNamed) : "";
  return Finding{
      suspect,
      severity,
      fmt::format("{} of {} layers {} {} that spread more than {:.0f}:1 over output channels: "
                  "{}{}. {}",
                  layers.size(), looked_at, layers.size() == 1 ? "has" : "have", what, kUnbalanced,
                  fmt::join(named, "; "), more, normalization_text(layers.size(), without)),
      {{"looked_at", looked_at}, {"layers", list}},
      ""};
}

Findings as_findings(std::optional<Finding> finding) {
  Findings findings;
  if (finding) findings.push_back(std::move(*finding));
  return findings;
}

}  // namespace

Findings check_weights(const SuspectModel& model) {
  const Graph& graph = *model.optimized;
  std::vector<Unbalanced> layers;
  std::size_t looked_at = 0;
  for (const Node& node : graph.nodes) {
    const auto axis = output_axis(graph, node);
    if (!axis) continue;
    ++looked_at;
    const Value& weights = graph.value(node.inputs[1]);
    const Spread spread = spread_of(weight_widths(*weights.constant, *axis));
    if (spread.ratio() > kUnbalanced)
      layers.push_back({&node, weights.name, spread, has_batch_normalization(*model.native, node)});
  }
  return as_findings(report(Suspect::kWeightsUnbalanced, Severity::kNote, "weights",
                            std::move(layers), looked_at));
}

Findings check_activations(const SuspectModel& model, const ActivationSurvey& survey) {
  const Graph& graph = *model.optimized;
  const Topology topology(graph);
  std::vector<Unbalanced> layers;
  std::size_t looked_at = 0;
  for (const Node& node : graph.nodes) {
    if (node.op != OpKind::kConv && node.op != OpKind::kConvTranspose) continue;
    // An activation function is computed with its layer: its result is what gets a scale.
    ValueId end = node.outputs[0];
    for (auto reader = topology.only_reader(end); reader && is_pointwise(graph.nodes[*reader].op);
         reader = topology.only_reader(end))
      end = graph.nodes[*reader].outputs[0];
    const TensorFigures* figures = survey.figures(end);
    if (figures == nullptr || figures->channels.empty()) continue;
    ++looked_at;
    std::vector<double> widths;
    for (const Range& range : figures->channels)
      widths.push_back(static_cast<double>(covered(range)));
    const Spread spread = spread_of(widths);
    if (spread.ratio() > kUnbalanced)
      layers.push_back(
          {&node, graph.value(end).name, spread, has_batch_normalization(*model.native, node)});
  }
  const bool many = std::any_of(layers.begin(), layers.end(), [](const Unbalanced& layer) {
    return layer.spread.narrow_share() > kFewNarrow;
  });
  return as_findings(report(Suspect::kActivationsUnbalanced,
                            many ? Severity::kWarning : Severity::kNote, "activations",
                            std::move(layers), looked_at));
}

}  // namespace quant
