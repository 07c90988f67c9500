// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_opset.h"

#include <algorithm>

#include "quant/graph/integer_attributes.h"

namespace quant {
namespace {

bool has_input(const Node& node, std::size_t input) {
  return input < node.inputs.size() && node.inputs[input] != kNoValue;
}

bool is_int64_constant(const Graph& graph, const Node& node, std::size_t input) {
  return has_input(node, input) && graph.value(node.inputs[input]).constant &&
         graph.value(node.inputs[input]).type == DataType::kInt64;
}

bool all_one(const std::vector<std::int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](std::int64_t value) { return value == 1; });
}

// ReduceSum has its axes as an input from the start.
int oldest_reduce(const Graph& graph, const Node& node) {
  const bool axes_are_known = !has_input(node, 1) || is_int64_constant(graph, node, 1);
  const bool passes_through =
      !has_input(node, 1) && node.attributes.integer("noop_with_empty_axes", 0) != 0;
  return axes_are_known && !passes_through ? kOldestQdqOpset : 18;
}

int oldest_resize(const Node& node) {
  if (node.attributes.text("coordinate_transformation_mode") == "half_pixel_symmetric") return 19;
  const bool plain = node.attributes.integer("antialias", 0) == 0 &&
                     node.attributes.integers("axes").empty() &&
                     node.attributes.text("keep_aspect_ratio_policy", "stretch") == "stretch";
  return plain ? kOldestQdqOpset : 18;
}

// Without sizes all parts are equal; the last may be smaller from 18 on.
int oldest_split(const Graph& graph, const Node& node) {
  if (has_input(node, 1)) return kOldestQdqOpset;
  const Shape& shape = graph.value(node.inputs[0]).shape;
  std::int64_t axis = node.attributes.integer("axis", 0);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  const bool known = axis >= 0 && axis < static_cast<std::int64_t>(shape.size());
  const auto parts = static_cast<std::int64_t>(node.outputs.size());
  return known && shape[static_cast<std::size_t>(axis)] % parts == 0 ? kOldestQdqOpset : 18;
}

int oldest_pad(const Node& node) {
  if (node.attributes.text("mode", "constant") == "wrap") return 19;
  return has_input(node, 3) ? 18 : kOldestQdqOpset;
}

int oldest_scatter(const Node& node) {
  const std::string reduction = node.attributes.text("reduction", "none");
  if (reduction == "none") return kOldestQdqOpset;
  return reduction == "add" || reduction == "mul" ? 16 : 18;
}

int oldest_quantization(const Graph& graph, const Node& node) {
  const auto is_wide = [&](ValueId id) {
    return id != kNoValue &&
           (graph.value(id).type == DataType::kUint16 || graph.value(id).type == DataType::kInt16);
  };
  const bool wide = std::any_of(node.inputs.begin(), node.inputs.end(), is_wide) ||
                    std::any_of(node.outputs.begin(), node.outputs.end(), is_wide);
  return wide || node.attributes.integer("block_size", 0) != 0 ||
                 node.attributes.integer("output_dtype", 0) != 0
             ? 21
             : kOldestQdqOpset;
}

// Axes become an attribute again.
void reduce_in_opset(const Graph& graph, Node& node, int opset) {
  if (opset >= 18) return;
  node.attributes.erase("noop_with_empty_axes");
  if (!has_input(node, 1)) return;
  const auto axes = graph.value(node.inputs[1]).constant->data<std::int64_t>();
  node.attributes.set("axes", std::vector<std::int64_t>(axes.begin(), axes.end()));
  node.inputs[1] = kNoValue;
}

void erase_all(Node& node, std::initializer_list<const char*> names) {
  for (const char* name : names) node.attributes.erase(name);
}

void grid_sample_in_opset(Node& node, int opset) {
  if (opset >= 20) return;
  const std::string mode = node.attributes.text("mode", "linear");
  if (mode == "linear") node.attributes.set("mode", std::string("bilinear"));
  if (mode == "cubic") node.attributes.set("mode", std::string("bicubic"));
}

}  // namespace

int oldest_opset(const Graph& graph, const Node& node) {
  switch (node.op) {
    case OpKind::kHardSwish:
    case OpKind::kTrilu:
      return 14;
    case OpKind::kReshape:
      return node.attributes.integer("allowzero", 0) != 0 ? 14 : kOldestQdqOpset;
    case OpKind::kShape:
      return node.attributes.integer("start", 0) != 0 || node.attributes.has("end")
                 ? 15
                 : kOldestQdqOpset;
    case OpKind::kGridSample:
      return graph.value(node.inputs[0]).shape.size() == 4 ? 16 : 20;
    case OpKind::kRoiAlign:
      return node.attributes.text("coordinate_transformation_mode") == "output_half_pixel"
                 ? kOldestQdqOpset
                 : 16;
    case OpKind::kScatterElements:
    case OpKind::kScatterND:
      return oldest_scatter(node);
    case OpKind::kLayerNormalization:
      return 17;
    case OpKind::kMish:
      return 18;
    case OpKind::kLpPool:
      return node.attributes.integer("ceil_mode", 0) == 0 &&
                     all_one(node.attributes.integers("dilations"))
                 ? kOldestQdqOpset
                 : 18;
    case OpKind::kPad:
      return oldest_pad(node);
    case OpKind::kReduceL1:
    case OpKind::kReduceL2:
    case OpKind::kReduceLogSum:
    case OpKind::kReduceLogSumExp:
    case OpKind::kReduceMax:
    case OpKind::kReduceMean:
    case OpKind::kReduceMin:
    case OpKind::kReduceProd:
    case OpKind::kReduceSumSquare:
      return oldest_reduce(graph, node);
    case OpKind::kResize:
      return oldest_resize(node);
    case OpKind::kSplit:
      return oldest_split(graph, node);
    case OpKind::kAveragePool:
      return all_one(node.attributes.integers("dilations")) ? kOldestQdqOpset : 19;
    case OpKind::kGelu:
      return 20;
    // Its scale and bias were per group before.
    case OpKind::kGroupNormalization:
      return 21;
    case OpKind::kQuantizeLinear:
    case OpKind::kDequantizeLinear:
      return oldest_quantization(graph, node);
    // As old as kOldestQdqOpset, with the same meaning since.
    default:
      return kOldestQdqOpset;
  }
}

bool has_int4_weights(const Graph& graph, const Node& node) {
  if (node.attributes.integer(kWeightBits, 8) != 4 || node.attributes.has(kWeightGroupSize) ||
      !has_input(node, 1)) {
    return false;
  }
  const auto& weights = graph.value(node.inputs[1]).constant;
  if (!weights || weights->type() != DataType::kInt8) return false;
  const auto levels = weights->data<std::int8_t>();
  return std::all_of(levels.begin(), levels.end(),
                     [](std::int8_t level) { return level >= -8 && level <= 7; });
}

Node in_opset(const Graph& graph, Node node, int opset) {
  switch (node.op) {
    case OpKind::kReshape:
      if (opset < 14) erase_all(node, {"allowzero"});
      break;
    case OpKind::kShape:
      if (opset < 15) erase_all(node, {"start"});
      break;
    case OpKind::kGridSample:
      grid_sample_in_opset(node, opset);
      break;
    case OpKind::kRoiAlign:
      if (opset < 16) erase_all(node, {"coordinate_transformation_mode"});
      break;
    case OpKind::kScatterElements:
    case OpKind::kScatterND:
      if (opset < 16) erase_all(node, {"reduction"});
      break;
    case OpKind::kLpPool:
      if (opset < 18) erase_all(node, {"ceil_mode", "dilations"});
      break;
    case OpKind::kReduceL1:
    case OpKind::kReduceL2:
    case OpKind::kReduceLogSum:
    case OpKind::kReduceLogSumExp:
    case OpKind::kReduceMax:
    case OpKind::kReduceMean:
    case OpKind::kReduceMin:
    case OpKind::kReduceProd:
    case OpKind::kReduceSumSquare:
      reduce_in_opset(graph, node, opset);
      break;
    case OpKind::kResize:
      if (opset < 18) erase_all(node, {"antialias", "axes", "keep_aspect_ratio_policy"});
      break;
    case OpKind::kSplit:
      if (opset < 18) {
        erase_all(node, {"num_outputs"});
      } else if (!has_input(node, 1)) {
        node.attributes.set("num_outputs", static_cast<std::int64_t>(node.outputs.size()));
      }
      break;
    case OpKind::kAveragePool:
      if (opset < 19) erase_all(node, {"dilations"});
      break;
    case OpKind::kCast:
    case OpKind::kQuantizeLinear:
      if (opset < 19) erase_all(node, {"saturate"});
      break;
    // The same in all of them.
    default:
      break;
  }
  return node;
}

}  // namespace quant
