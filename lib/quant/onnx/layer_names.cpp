// SPDX-License-Identifier: MIT
#include "quant/onnx/layer_names.h"

#include <fmt/format.h>

#include <cctype>
#include <map>
#include <string_view>
#include <unordered_map>

namespace quant {
namespace {

const std::unordered_map<OpKind, const char*>& fixed_prefixes() {
  static const auto* const prefixes = new std::unordered_map<OpKind, const char*>{
      {OpKind::kConvTranspose, "deconv"},
      {OpKind::kMaxPool, "maxpool"},
      {OpKind::kGlobalMaxPool, "maxpool"},
      {OpKind::kAveragePool, "avgpool"},
      {OpKind::kGlobalAveragePool, "avgpool"},
      {OpKind::kResize, "resize"},
      {OpKind::kAdd, "ew_add"},
      {OpKind::kSum, "ew_add"},
      {OpKind::kSub, "ew_sub"},
      {OpKind::kMul, "ew_mult"},
      {OpKind::kDiv, "ew_div"},
      {OpKind::kMax, "ew_max"},
      {OpKind::kMin, "ew_min"},
      {OpKind::kConcat, "concat"},
      {OpKind::kSlice, "slice"},
      {OpKind::kSplit, "feature_splitter"},
      {OpKind::kSoftmax, "softmax"},
      {OpKind::kNormalization, "normalization"},
      {OpKind::kInstanceNormalization, "normalization"},
      {OpKind::kLayerNormalization, "normalization"},
      {OpKind::kGroupNormalization, "normalization"},
      {OpKind::kMeanVarianceNormalization, "normalization"},
      {OpKind::kBatchNormalization, "batch_norm"},
      {OpKind::kReshape, "reshape"},
      {OpKind::kFlatten, "reshape"},
      {OpKind::kSqueeze, "reshape"},
      {OpKind::kUnsqueeze, "reshape"},
      {OpKind::kTranspose, "transpose"},
      {OpKind::kConstantOfShape, "const_input"},
      {OpKind::kRequantize, "precision_change"},
      {OpKind::kIsNaN, "is_nan"},
      {OpKind::kRelu, "activation"},
      {OpKind::kLeakyRelu, "activation"},
      {OpKind::kPRelu, "activation"},
      {OpKind::kThresholdedRelu, "activation"},
      {OpKind::kClip, "activation"},
      {OpKind::kSigmoid, "activation"},
      {OpKind::kHardSigmoid, "activation"},
      {OpKind::kHardSwish, "activation"},
      {OpKind::kSilu, "activation"},
      {OpKind::kMish, "activation"},
      {OpKind::kGelu, "activation"},
      {OpKind::kElu, "activation"},
      {OpKind::kSelu, "activation"},
      {OpKind::kCelu, "activation"},
      {OpKind::kTanh, "activation"},
      {OpKind::kSoftplus, "activation"},
      {OpKind::kSoftsign, "activation"},
      {OpKind::kShrink, "activation"},
      {OpKind::kLookup, "activation"},
  };
  return *prefixes;
}

// ReduceMean → reduce_mean, NonMaxSuppression → non_max_suppression, LRN → lrn, GatherND →
// gather_nd.
std::string snake_case(std::string_view name) {
  const auto is_upper = [&](std::size_t i) {
    return i < name.size() && std::isupper(static_cast<unsigned char>(name[i])) != 0;
  };
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool starts_word =
        is_upper(i) && i > 0 && (!is_upper(i - 1) || (i + 1 < name.size() && !is_upper(i + 1)));
    if (starts_word) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
  }
  return result;
}

bool is_constant_input(const Graph& graph, const Node& node, std::size_t index) {
  return index < node.inputs.size() && node.inputs[index] != kNoValue &&
         graph.value(node.inputs[index]).constant.has_value();
}

bool is_depthwise(const Graph& graph, const Node& node) {
  const std::int64_t group = node.attributes.integer("group", 1);
  if (group == 1 || node.inputs.empty() || node.inputs[0] == kNoValue) return false;
  const Shape& shape = graph.value(node.inputs[0]).shape;
  return shape.size() >= 2 && shape[1] == group;
}

std::vector<std::string> numbered(const char* prefix, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= count; ++i) names.push_back(fmt::format("{}{}", prefix, i));
  return names;
}

}  // namespace

std::string layer_prefix(const Graph& graph, const Node& node) {
  if (node.op == OpKind::kConv || node.op == OpKind::kQLinearConv) {
    return is_depthwise(graph, node) ? "dw" : "conv";
  }
  if (node.op == OpKind::kGemm || node.op == OpKind::kMatMul) {
    const bool has_weights = is_constant_input(graph, node, 0) || is_constant_input(graph, node, 1);
    return has_weights ? "fc" : "matmul";
  }
  if (node.op == OpKind::kQLinearMatMul) return is_constant_input(graph, node, 3) ? "fc" : "matmul";
  const auto fixed = fixed_prefixes().find(node.op);
  return fixed != fixed_prefixes().end() ? fixed->second : snake_case(to_string(node.op));
}

void name_layers(Graph& graph) {
  std::map<std::string, int> counts;
  for (Node& node : graph.nodes) {
    const std::string prefix = layer_prefix(graph, node);
    node.name = fmt::format("{}{}", prefix, ++counts[prefix]);
  }
}

std::vector<std::string> input_layer_names(const Graph& graph) {
  return numbered("input_layer", graph.inputs.size());
}

std::vector<std::string> output_layer_names(const Graph& graph) {
  return numbered("output_layer", graph.outputs.size());
}

}  // namespace quant
