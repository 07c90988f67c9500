// SPDX-License-Identifier: MIT
#include "quant/optimize/integer_form.h"

#include <algorithm>

namespace quant {
namespace {

bool is_constant(const Graph& graph, ValueId id) {
  return id != kNoValue && graph.value(id).constant.has_value();
}

bool is_absent(const Node& node, std::size_t input) {
  return input >= node.inputs.size() || node.inputs[input] == kNoValue;
}

bool is_absent_or_constant(const Graph& graph, const Node& node, std::size_t input) {
  return is_absent(node, input) || is_constant(graph, node.inputs[input]);
}

std::size_t rank(const Graph& graph, ValueId id) { return graph.value(id).shape.size(); }

bool all_float(const Graph& graph, const Node& node) {
  const auto is_float = [&](ValueId id) {
    return id == kNoValue ||
           (graph.value(id).type == DataType::kFloat32 && is_static(graph.value(id).shape));
  };
  const std::vector<ValueId> activations = activation_inputs(graph, node);
  return !activations.empty() && std::all_of(activations.begin(), activations.end(), is_float) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), is_float);
}

bool first_input_alone(const Graph& graph, const Node& node) {
  return activation_inputs(graph, node) == std::vector<ValueId>{node.inputs[0]};
}

// All inputs behind the first are constants, and the tensor is a feature map.
bool on_feature_map(const Graph& graph, const Node& node) {
  return first_input_alone(graph, node) && rank(graph, node.inputs[0]) == 4;
}

IntegerForm arithmetic_form(const Graph& graph, const Node& node) {
  const auto other_is_scalar = [&](std::size_t i) {
    return is_scalar_constant(graph, node.inputs[1 - i]);
  };
  for (std::size_t i = 0; i < 2; ++i) {
    if (!is_constant(graph, node.inputs[i]) && other_is_scalar(i)) return IntegerForm::kPointwise;
  }
  return IntegerForm::kComputed;
}

bool resizes_space_alone(const Graph& graph, const Node& node) {
  if (!on_feature_map(graph, node)) return false;
  const Shape& in = graph.value(node.inputs[0]).shape;
  const Shape& out = graph.value(node.outputs[0]).shape;
  const std::string mode = node.attributes.text("mode", "nearest");
  return in[0] == out[0] && in[1] == out[1] &&
         (mode == "nearest" || mode == "linear" || mode == "cubic") &&
         node.attributes.text("coordinate_transformation_mode", "half_pixel") !=
             "tf_crop_and_resize" &&
         node.attributes.integer("antialias", 0) == 0 &&
         node.attributes.integer("exclude_outside", 0) == 0;
}

bool pads_with_zero(const Graph& graph, const Node& node) {
  if (!first_input_alone(graph, node)) return false;
  if (node.attributes.text("mode", "constant") != "constant") return true;
  return is_absent(node, 2) || (is_scalar_constant(graph, node.inputs[2]) &&
                                graph.value(node.inputs[2]).constant->data<float>()[0] == 0.0F);
}

bool gathers_constant_rows(const Graph& graph, const Node& node) {
  return !is_constant(graph, node.inputs[0]) && is_constant(graph, node.inputs[1]) &&
         graph.value(node.inputs[1]).constant->rank() <= 1;
}

}  // namespace

std::vector<ValueId> activation_inputs(const Graph& graph, const Node& node) {
  std::vector<ValueId> result;
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && !is_constant(graph, id)) result.push_back(id);
  }
  return result;
}

bool is_scalar_constant(const Graph& graph, ValueId id) {
  return is_constant(graph, id) && graph.value(id).type == DataType::kFloat32 &&
         graph.value(id).constant->elements() == 1;
}

bool is_channel_constant(const Graph& graph, ValueId id, std::int64_t channels) {
  if (is_scalar_constant(graph, id)) return true;
  if (!is_constant(graph, id) || graph.value(id).type != DataType::kFloat32) return false;
  const Shape& shape = graph.value(id).shape;
  return (shape.size() == 3 || shape.size() == 4) && element_count(shape) == channels &&
         shape[shape.size() - 3] == channels;
}

IntegerForm integer_form(const Graph& graph, const Node& node) {
  if (!all_float(graph, node)) return IntegerForm::kNone;
  const auto when = [](bool condition, IntegerForm form) {
    return condition ? form : IntegerForm::kNone;
  };
  switch (node.op) {
    case OpKind::kConv:
    case OpKind::kConvTranspose:
      return when(on_feature_map(graph, node), IntegerForm::kWeighted);
    case OpKind::kGemm: {
      const bool plain = node.attributes.integer("transA", 0) == 0 &&
                         first_input_alone(graph, node) &&
                         (is_absent(node, 2) || rank(graph, node.inputs[2]) <= 1 ||
                          graph.value(node.inputs[2]).shape[0] == 1);
      return when(plain, IntegerForm::kWeighted);
    }
    case OpKind::kMatMul:
      if (is_constant(graph, node.inputs[0])) return IntegerForm::kNone;
      if (!is_constant(graph, node.inputs[1])) {
        return when(rank(graph, node.inputs[0]) >= 2 && rank(graph, node.inputs[1]) >= 2,
                    IntegerForm::kComputed);
      }
      return when(rank(graph, node.inputs[1]) == 2, IntegerForm::kWeighted);

    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      return arithmetic_form(graph, node);
    case OpKind::kBatchNormalization:
      return when(on_feature_map(graph, node), IntegerForm::kComputed);
    case OpKind::kNormalization:
      return IntegerForm::kComputed;
    case OpKind::kPRelu:
      return when(
          on_feature_map(graph, node) &&
              is_channel_constant(graph, node.inputs[1], graph.value(node.inputs[0]).shape[1]),
          IntegerForm::kComputed);
    case OpKind::kAveragePool:
    case OpKind::kGlobalAveragePool:
      return when(on_feature_map(graph, node), IntegerForm::kComputed);
    case OpKind::kReduceMean:
    case OpKind::kReduceSum:
      return when(first_input_alone(graph, node), IntegerForm::kComputed);
    case OpKind::kSoftmax:
      return IntegerForm::kComputed;
    case OpKind::kInstanceNormalization:
      return when(first_input_alone(graph, node) && rank(graph, node.inputs[0]) >= 3,
                  IntegerForm::kComputed);
    case OpKind::kLayerNormalization:
      return when(first_input_alone(graph, node) && node.outputs.size() == 1,
                  IntegerForm::kComputed);
    case OpKind::kConcat:
      return IntegerForm::kComputed;

    case OpKind::kMaxPool:
      return when(on_feature_map(graph, node) && node.outputs.size() == 1, IntegerForm::kMovement);
    case OpKind::kGlobalMaxPool:
      return when(on_feature_map(graph, node), IntegerForm::kMovement);
    case OpKind::kReduceMax:
    case OpKind::kReduceMin:
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kTranspose:
    case OpKind::kIdentity:
    case OpKind::kSlice:
    case OpKind::kSplit:
      return when(first_input_alone(graph, node), IntegerForm::kMovement);
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToDepth:
      return when(on_feature_map(graph, node), IntegerForm::kMovement);
    case OpKind::kGather:
      return when(gathers_constant_rows(graph, node), IntegerForm::kMovement);
    case OpKind::kPad:
      return when(pads_with_zero(graph, node), IntegerForm::kMovement);
    case OpKind::kResize: {
      if (!resizes_space_alone(graph, node)) return IntegerForm::kNone;
      // Cubic overshoots the range of its input.
      return node.attributes.text("mode", "nearest") == "cubic" ? IntegerForm::kComputed
                                                                : IntegerForm::kMovement;
    }

    case OpKind::kAbs:
    case OpKind::kAtan:
    case OpKind::kCeil:
    case OpKind::kCelu:
    case OpKind::kCos:
    case OpKind::kElu:
    case OpKind::kErf:
    case OpKind::kExp:
    case OpKind::kFloor:
    case OpKind::kGelu:
    case OpKind::kHardSigmoid:
    case OpKind::kHardSwish:
    case OpKind::kLeakyRelu:
    case OpKind::kLog:
    case OpKind::kMish:
    case OpKind::kNeg:
    case OpKind::kReciprocal:
    case OpKind::kRelu:
    case OpKind::kRound:
    case OpKind::kSelu:
    case OpKind::kSigmoid:
    case OpKind::kSign:
    case OpKind::kSilu:
    case OpKind::kSin:
    case OpKind::kSoftplus:
    case OpKind::kSoftsign:
    case OpKind::kSqrt:
    case OpKind::kTanh:
    case OpKind::kThresholdedRelu:
      return IntegerForm::kPointwise;
    case OpKind::kLookup:
      return when(first_input_alone(graph, node), IntegerForm::kPointwise);
    case OpKind::kClip:
      return when(first_input_alone(graph, node) && is_absent_or_constant(graph, node, 1) &&
                      is_absent_or_constant(graph, node, 2),
                  IntegerForm::kPointwise);
    case OpKind::kPow:
      return when(!is_constant(graph, node.inputs[0]) && is_scalar_constant(graph, node.inputs[1]),
                  IntegerForm::kPointwise);

    // No integer form: comparisons, selection, data-dependent shapes, and what no camera network
    // uses.
    default:
      return IntegerForm::kNone;
  }
}

}  // namespace quant
