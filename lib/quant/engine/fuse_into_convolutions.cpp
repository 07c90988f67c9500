// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "quant/engine/float_rewrite.h"
#include "quant/graph/operators/fused.h"

namespace quant {
namespace {

constexpr std::size_t kBias = 2;

struct Addition {
  std::size_t node;
  ValueId other;
};

class Fuser {
 public:
  explicit Fuser(FloatGraph& float_graph)
      : graph_(float_graph.graph),
        readers_(consumers(graph_)),
        wanted_(graph_.values.size(), false),
        gone_(graph_.nodes.size(), false) {
    for (const ValueId id : float_graph.wanted) wanted_[index(id)] = true;
  }

  void run() {
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      if (!gone_[node] && graph_.nodes[node].op == OpKind::kConv) fuse(node);
    }
    std::size_t kept = 0;
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      if (gone_[node]) continue;
      if (kept != node) graph_.nodes[kept] = std::move(graph_.nodes[node]);
      ++kept;
    }
    graph_.nodes.resize(kept);
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  // The nodes that read `id`, each once; none where somebody outside wants it too.
  std::vector<std::size_t> private_readers(ValueId id) const {
    if (wanted_[index(id)]) return {};
    std::vector<std::size_t> nodes = readers_[index(id)];
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  // The convolution takes over the place of `last`, whose inputs all exist there.
  std::size_t absorb(std::size_t convolution, std::size_t last) {
    Node fused = std::move(graph_.nodes[convolution]);
    for (const ValueId id : fused.inputs) {
      if (id != kNoValue) std::ranges::replace(readers_[index(id)], convolution, last);
    }
    fused.outputs = graph_.nodes[last].outputs;
    gone_[convolution] = true;
    graph_.nodes[last] = std::move(fused);
    return last;
  }

  void fuse(std::size_t convolution) {
    const Node& node = graph_.nodes[convolution];
    // What was fused stands where its last part stood, and comes by again.
    if (node.attributes.has(kFusedAddition) || node.attributes.has(kFusedActivation)) return;
    if (node.outputs.size() != 1) return;
    convolution = fuse_bias(convolution);
    convolution = fuse_addition(convolution);
    fuse_activation(convolution);
  }

  // The only reader of the convolution, where that adds something else to it.
  std::optional<Addition> addition_to(std::size_t convolution) const {
    const ValueId result = graph_.nodes[convolution].outputs[0];
    const std::vector<std::size_t> readers = private_readers(result);
    if (readers.size() != 1 || graph_.nodes[readers[0]].op != OpKind::kAdd) return std::nullopt;
    const std::vector<ValueId>& terms = graph_.nodes[readers[0]].inputs;
    if (terms.size() != 2 || terms[0] == terms[1]) return std::nullopt;
    return Addition{readers[0], terms[0] == result ? terms[1] : terms[0]};
  }

  // A constant with one value per channel, as exporters write a bias: (C, 1, 1) or (1, C, 1, 1).
  std::optional<Tensor> per_channel(ValueId id, const Shape& result) const {
    const std::optional<Tensor>& constant = graph_.value(id).constant;
    if (!constant || constant->type() != DataType::kFloat32 || result.size() < 3 || result[1] < 1)
      return std::nullopt;
    const Shape& shape = constant->shape();
    const std::size_t behind_channels = result.size() - 2;
    if (shape.size() <= behind_channels || shape.size() > result.size() ||
        constant->elements() != result[1] || shape[shape.size() - behind_channels - 1] != result[1])
      return std::nullopt;
    return constant->reshaped({result[1]});
  }

  std::size_t fuse_bias(std::size_t convolution) {
    const std::optional<Addition> addition = addition_to(convolution);
    if (!addition) return convolution;
    Node& node = graph_.nodes[convolution];
    std::optional<Tensor> bias = per_channel(addition->other, graph_.value(node.outputs[0]).shape);
    if (!bias) return convolution;
    node.inputs.resize(kFusedAddend, kNoValue);
    if (node.inputs[kBias] != kNoValue) {
      const std::optional<Tensor>& before = graph_.value(node.inputs[kBias]).constant;
      if (!before || before->shape() != bias->shape()) return convolution;
      bias = bias->clone();
      std::ranges::transform(bias->data<float>(), std::as_const(*before).data<float>(),
                             bias->data<float>().begin(), std::plus<>());
    }
    node.inputs[kBias] = graph_.add_constant(graph_.value(addition->other).name, *bias);
    readers_.resize(graph_.values.size());
    wanted_.resize(graph_.values.size(), false);
    return absorb(convolution, addition->node);
  }

  std::size_t fuse_addition(std::size_t convolution) {
    const std::optional<Addition> addition = addition_to(convolution);
    if (!addition) return convolution;
    const Shape& shape = graph_.value(graph_.nodes[convolution].outputs[0]).shape;
    const Value& other = graph_.value(addition->other);
    if (!is_static(shape) || other.shape != shape || other.constant) return convolution;
    Node& node = graph_.nodes[convolution];
    node.inputs.resize(kFusedAddend, kNoValue);
    node.inputs.push_back(addition->other);
    node.attributes.set(kFusedAddition, std::int64_t{1});
    return absorb(convolution, addition->node);
  }

  // A bound of Clip, where it is absent or a constant.
  std::optional<float> bound(const Node& clip, std::size_t input, float fallback) const {
    if (input >= clip.inputs.size() || clip.inputs[input] == kNoValue) return fallback;
    const std::optional<Tensor>& constant = graph_.value(clip.inputs[input]).constant;
    if (!constant || constant->type() != DataType::kFloat32 || constant->elements() != 1)
      return std::nullopt;
    return std::as_const(*constant).data<float>()[0];
  }

  void fuse_activation(std::size_t convolution) {
    const ValueId result = graph_.nodes[convolution].outputs[0];
    const std::vector<std::size_t> readers = private_readers(result);
    if (readers.size() == 2) return fuse_gate(convolution, readers[0], readers[1]);
    if (readers.size() != 1 || graph_.nodes[readers[0]].inputs[0] != result) return;
    const Node& reader = graph_.nodes[readers[0]];
    Attributes& attributes = graph_.nodes[convolution].attributes;
    if (reader.op == OpKind::kLeakyRelu) {
      attributes.set(kFusedAlpha, reader.attributes.number("alpha", 0.01F));
    } else if (reader.op == OpKind::kClip) {
      const std::optional<float> low = bound(reader, 1, std::numeric_limits<float>::lowest());
      const std::optional<float> high = bound(reader, 2, std::numeric_limits<float>::max());
      if (!low || !high || !(*low <= *high)) return;
      attributes.set(kFusedAlpha, *low);
      attributes.set(kFusedBeta, *high);
    } else if (reader.op != OpKind::kRelu && reader.op != OpKind::kSigmoid &&
               reader.op != OpKind::kSilu) {
      return;
    }
    attributes.set(kFusedActivation, std::string(to_string(reader.op)));
    absorb(convolution, readers[0]);
  }

  // x · sigmoid(x), as two nodes.
  void fuse_gate(std::size_t convolution, std::size_t first, std::size_t second) {
    const ValueId result = graph_.nodes[convolution].outputs[0];
    const Node& sigmoid = graph_.nodes[first];
    const Node& product = graph_.nodes[second];
    if (sigmoid.op != OpKind::kSigmoid || product.op != OpKind::kMul) return;
    if (private_readers(sigmoid.outputs[0]) != std::vector<std::size_t>{second}) return;
    const std::vector<ValueId> forward{result, sigmoid.outputs[0]};
    const std::vector<ValueId> backward{sigmoid.outputs[0], result};
    if (product.inputs != forward && product.inputs != backward) return;
    graph_.nodes[convolution].attributes.set(kFusedActivation,
                                             std::string(to_string(OpKind::kSilu)));
    gone_[first] = true;
    absorb(convolution, second);
  }

  Graph& graph_;
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<bool> wanted_;
  std::vector<bool> gone_;
};

}  // namespace

void fuse_into_convolutions(FloatGraph& float_graph) { Fuser(float_graph).run(); }

}  // namespace quant
