// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "quant/engine/float_rewrite.h"
#include "quant/graph/operator.h"
#include "quant/graph/operators/fused.h"
#include "quant/graph/operators/image_shape.h"

namespace quant {
namespace {

using Axes = std::vector<std::int64_t>;

// What it takes to let an operator work on images with their channels last.
enum class Form {
  kNone,         // it has no such form
  kImage,        // the attribute of image_shape.h; inputs besides the image keep their order
  kElementwise,  // nothing; inputs besides the first have one element
  kBroadcast,    // all inputs turned alike
  kAxis,         // all images turned alike, and its axis renamed
  kTranspose,    // another permutation
};

Form form_of(OpKind op) {
  static const auto* const forms = [] {
    using enum OpKind;
    auto* result = new std::unordered_map<OpKind, Form>;
    for (const OpKind kind :
         {kConv, kConvTranspose, kMaxPool, kAveragePool, kLpPool, kGlobalAveragePool,
          kGlobalMaxPool, kGlobalLpPool, kBatchNormalization, kNormalization, kResize}) {
      result->emplace(kind, Form::kImage);
    }
    for (const OpKind kind :
         {kAbs,     kCast,  kCeil,     kCelu,        kClip,      kElu,      kErf,
          kExp,     kFloor, kGelu,     kHardSigmoid, kHardSwish, kIdentity, kLeakyRelu,
          kLog,     kMish,  kNeg,      kReciprocal,  kRelu,      kRound,    kSelu,
          kSigmoid, kSilu,  kSoftplus, kSoftsign,    kSqrt,      kTanh,     kThresholdedRelu}) {
      result->emplace(kind, Form::kElementwise);
    }
    for (const OpKind kind : {kAdd, kDiv, kMax, kMin, kMul, kPow, kPRelu, kSub, kSum, kWhere}) {
      result->emplace(kind, Form::kBroadcast);
    }
    for (const OpKind kind : {kConcat, kLogSoftmax, kSoftmax, kSplit})
      result->emplace(kind, Form::kAxis);
    result->emplace(kTranspose, Form::kTranspose);
    return result;
  }();
  const auto found = forms->find(op);
  return found == forms->end() ? Form::kNone : found->second;
}

// Order of ONNX's axes in memory with the channels last, and back.
Axes order_last(std::size_t rank) {
  Axes order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}
Axes order_back(std::size_t rank) {
  Axes order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return order;
}

// Where ONNX's axis lies in memory.
std::int64_t memory_axis(std::int64_t axis, std::size_t rank) {
  return order_back(rank)[static_cast<std::size_t>(axis)];
}

class Rewriter {
 public:
  explicit Rewriter(const FloatGraph& from) : from_(from.graph), forms_(from.graph.values.size()) {
    to_.graph.name = from_.name;
    for (const ValueId id : from_.inputs) {
      to_.graph.inputs.push_back(copy_value(id));
      forms(id).first = to_.graph.inputs.back();
    }
  }

  Result<FloatGraph> run(const std::vector<ValueId>& wanted) {
    for (const Node& node : from_.nodes) QUANT_TRY(rewrite(node));
    for (const ValueId id : wanted) to_.wanted.push_back(in_order(id));
    to_.graph.outputs = to_.wanted;
    return std::move(to_);
  }

 private:
  // What exists of one value of the old graph in the new one.
  struct Forms {
    ValueId first = kNoValue;  // channels first: ONNX's order
    ValueId last = kNoValue;
  };

  Forms& forms(ValueId id) { return forms_[static_cast<std::size_t>(id)]; }
  const Shape& shape(ValueId id) const { return from_.value(id).shape; }
  bool is_known(ValueId id) const { return id != kNoValue && is_static(shape(id)); }
  bool has_one_element(ValueId id) const { return is_known(id) && element_count(shape(id)) == 1; }

  // Made with its channels last, and nobody has needed it otherwise yet.
  bool lives_last(ValueId id) {
    return is_known(id) && forms(id).last != kNoValue && forms(id).first == kNoValue;
  }

  ValueId copy_value(ValueId id) {
    Value value = from_.value(id);
    if (!value.constant && std::ranges::find(from_.inputs, id) == from_.inputs.end())
      value.shape = {-1};
    return to_.graph.add_value(std::move(value));
  }

  ValueId transposed(ValueId old, ValueId source, Axes order) {
    Node node;
    node.op = OpKind::kTranspose;
    node.name = from_.value(old).name;
    node.inputs = {source};
    node.attributes.set("perm", std::move(order));
    node.outputs = {copy_value(old)};
    to_.graph.nodes.push_back(node);
    return node.outputs[0];
  }

  ValueId in_order(ValueId id) {
    if (id == kNoValue) return kNoValue;
    Forms& known = forms(id);
    if (known.first == kNoValue) {
      known.first = known.last == kNoValue
                        ? copy_value(id)
                        : transposed(id, known.last, order_back(shape(id).size()));
    }
    return known.first;
  }

  // Precondition: a known shape of `rank` axes; a constant may have fewer.
  Result<ValueId> with_channels_last(ValueId id, std::size_t rank) {
    if (from_.value(id).constant) return constant_last(id, rank);
    Forms& known = forms(id);
    if (known.last == kNoValue) known.last = transposed(id, in_order(id), order_last(rank));
    return known.last;
  }

  Result<ValueId> constant_last(ValueId id, std::size_t rank) {
    const Tensor& constant = *from_.value(id).constant;
    Shape full(rank - constant.rank(), 1);
    full.insert(full.end(), constant.shape().begin(), constant.shape().end());
    const Tensor source = constant.reshaped(full);
    Node node;
    node.op = OpKind::kTranspose;
    node.name = from_.value(id).name;
    node.inputs = {0};
    node.outputs = {1};
    node.attributes.set("perm", order_last(rank));
    const Tensor* const input = &source;
    QUANT_TRY_ASSIGN(const std::vector<Tensor> turned, evaluate_node(node, std::span(&input, 1)));
    return to_.graph.add_constant(from_.value(id).name, turned[0]);
  }

  // Copies a node; its images (a flag per input) and all its outputs get their channels last.
  Status emit_last(const Node& old, const std::vector<bool>& images, std::size_t rank,
                   Attributes attributes) {
    Node node = old;
    node.attributes = std::move(attributes);
    for (std::size_t i = 0; i < old.inputs.size(); ++i) {
      if (images[i]) {
        QUANT_TRY_ASSIGN(node.inputs[i], with_channels_last(old.inputs[i], rank));
      } else {
        node.inputs[i] = in_order(old.inputs[i]);
      }
    }
    for (ValueId& output : node.outputs) {
      if (output == kNoValue) continue;
      const ValueId id = output;
      output = forms(id).last = copy_value(id);
    }
    to_.graph.nodes.push_back(std::move(node));
    return {};
  }

  void emit_in_order(const Node& old) {
    Node node = old;
    for (ValueId& input : node.inputs) input = in_order(input);
    for (ValueId& output : node.outputs) {
      if (output == kNoValue) continue;
      const ValueId id = output;
      output = forms(id).first = copy_value(id);
    }
    to_.graph.nodes.push_back(std::move(node));
  }

  Status rewrite(const Node& node) {
    const std::size_t rank =
        node.inputs.empty() || !is_known(node.inputs[0]) ? 0 : shape(node.inputs[0]).size();
    switch (form_of(node.op)) {
      case Form::kNone:
        break;
      case Form::kImage:
        if (rank >= 3 && image_form_pays(node)) return rewrite_image(node, rank);
        break;
      case Form::kElementwise:
        if (rank >= 3 && lives_last(node.inputs[0]) &&
            std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                        [&](ValueId id) { return id == kNoValue || has_one_element(id); })) {
          std::vector<bool> images(node.inputs.size(), false);
          images[0] = true;
          return emit_last(node, images, rank, node.attributes);
        }
        break;
      case Form::kBroadcast:
        return rewrite_broadcast(node);
      case Form::kAxis:
        return rewrite_axis(node);
      case Form::kTranspose:
        return rewrite_transpose(node, rank);
    }
    emit_in_order(node);
    return {};
  }

  bool image_form_pays(const Node& node) {
    if (node.op == OpKind::kConv) return true;
    if (node.op == OpKind::kConvTranspose) {
      // Rows that no input reaches are added in ONNX's order only
      // (graph/operators/convolution.cpp); without these attributes there are none.
      const Attributes& attributes = node.attributes;
      return !attributes.has("output_padding") && !attributes.has("output_shape") &&
             !attributes.text("auto_pad").starts_with("SAME");
    }
    if (node.op == OpKind::kMaxPool && node.outputs.size() > 1 && node.outputs[1] != kNoValue)
      return false;
    return lives_last(node.inputs[0]);
  }

  Status rewrite_image(const Node& node, std::size_t rank) {
    std::vector<bool> images(node.inputs.size(), false);
    images[0] = true;
    if (node.op == OpKind::kConv && images.size() > kFusedAddend) images[kFusedAddend] = true;
    Attributes attributes = node.attributes;
    attributes.set(kChannelsLast, std::int64_t{1});
    return emit_last(node, images, rank, std::move(attributes));
  }

  Status rewrite_broadcast(const Node& node) {
    std::size_t rank = 0;
    for (const ValueId id : node.inputs) rank = std::max(rank, is_known(id) ? shape(id).size() : 0);
    bool pays = false;
    bool possible = rank >= 3;
    std::vector<bool> images;
    for (const ValueId id : node.inputs) {
      pays = pays || lives_last(id);
      const bool single = has_one_element(id) && !lives_last(id);
      possible = possible && is_known(id) &&
                 (single || shape(id).size() == rank || from_.value(id).constant.has_value());
      images.push_back(!single);
    }
    if (pays && possible) return emit_last(node, images, rank, node.attributes);
    emit_in_order(node);
    return {};
  }

  Status rewrite_axis(const Node& node) {
    const std::size_t rank = is_known(node.inputs[0]) ? shape(node.inputs[0]).size() : 0;
    const bool joins = node.op == OpKind::kConcat;
    std::vector<bool> images(node.inputs.size(), joins);
    images[0] = true;
    bool pays = false;
    bool possible = rank >= 3;
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (!images[i]) continue;
      pays = pays || lives_last(node.inputs[i]);
      possible = possible && is_known(node.inputs[i]) && shape(node.inputs[i]).size() == rank;
    }
    const auto signed_rank = static_cast<std::int64_t>(rank);
    std::int64_t axis = node.attributes.integer("axis", node.op == OpKind::kSplit ? 0 : -1);
    if (axis < 0) axis += signed_rank;
    if (!pays || !possible || axis < 0 || axis >= signed_rank) {
      emit_in_order(node);
      return {};
    }
    Attributes attributes = node.attributes;
    attributes.set("axis", memory_axis(axis, rank));
    return emit_last(node, images, rank, std::move(attributes));
  }

  Status rewrite_transpose(const Node& node, std::size_t rank) {
    Axes order = node.attributes.integers("perm");
    if (order.empty()) {
      for (std::size_t axis = rank; axis-- > 0;) order.push_back(static_cast<std::int64_t>(axis));
    }
    const ValueId input = node.inputs[0];
    const bool usable =
        rank >= 3 && order.size() == rank && std::ranges::all_of(order, [&](std::int64_t axis) {
          return axis >= 0 && axis < static_cast<std::int64_t>(rank);
        });
    if (usable && lives_last(input)) {
      std::ranges::transform(order, order.begin(),
                             [&](std::int64_t axis) { return memory_axis(axis, rank); });
      Forms& made = forms(node.outputs[0]);
      // In memory it already lies as the transpose wants it: nothing to do.
      made.first = std::ranges::is_sorted(order)
                       ? forms(input).last
                       : transposed(node.outputs[0], forms(input).last, order);
      return {};
    }
    if (usable && order == order_back(rank)) {
      forms(node.outputs[0]).last = in_order(input);
      return {};
    }
    emit_in_order(node);
    return {};
  }

  const Graph& from_;
  std::vector<Forms> forms_;
  FloatGraph to_;
};

}  // namespace

Result<FloatGraph> with_channels_last(const FloatGraph& float_graph) {
  return Rewriter(float_graph).run(float_graph.wanted);
}

}  // namespace quant
