// SPDX-License-Identifier: MIT
// How a Twin comes from a quantized model and its float graph.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/disjoint_sets.h"
#include "quant/optimize/torch_tensor.h"
#include "quant/optimize/twin.h"
#include "quant/optimize/twin_operators.h"
#include "quant/optimize/weight_groups.h"

namespace quant::tuning {
namespace {

// Whether the node puts the same integers elsewhere.
bool moves(const Node& node) {
  switch (node.op) {
    case OpKind::kMaxPool:
    case OpKind::kGlobalMaxPool:
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
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToDepth:
    case OpKind::kGather:
    case OpKind::kPad:
      return true;
    case OpKind::kResize:
      return node.attributes.text("mode", "nearest") == "nearest";
    default:
      return false;
  }
}

std::size_t at_index(ValueId id) { return static_cast<std::size_t>(id); }

at::Tensor real_constant(const Value& value) {
  at::Tensor x = to_torch(*value.constant);
  if (x.defined() && value.quant && value.type != DataType::kFloat32 && !value.quant->scale.empty())
    x = (x - value.quant->zero_point[0]) * value.quant->scale[0];
  return x;
}

}  // namespace

Result<Twin> Twin::create(const QuantizedModel& model, const Graph& float_graph,
                          const QuantizationPlan& plan) {
  Twin twin;
  QUANT_TRY(twin.build(model, float_graph, plan));
  return twin;
}

Status Twin::build(const QuantizedModel& model, const Graph& float_graph,
                   const QuantizationPlan& plan) {
  image_ = model.input.is_image();
  integer_ = model.integer;
  host_ = model.host;
  float_graph_ = float_graph;
  find_grids(plan);
  constants_.resize(integer_.values.size());
  for (std::size_t id = 0; id < integer_.values.size(); ++id) {
    if (integer_.values[id].constant) constants_[id] = real_constant(integer_.values[id]);
  }
  host_constants_.resize(host_.values.size());
  for (std::size_t id = 0; id < host_.values.size(); ++id) {
    if (host_.values[id].constant) host_constants_[id] = to_torch(*host_.values[id].constant);
  }
  for (std::size_t index = 0; index < integer_.nodes.size(); ++index) QUANT_TRY(add_step(index));
  for (const Node& node : host_.nodes) {
    if (!has_gradient(host_, node)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{} has no gradient, so what stands before it cannot be fine-tuned",
                              to_string(node.op)),
                  node.name);
    }
  }
  for (Grid& grid : grids_) {
    if (!grid.learned) continue;
    const double width = (grid.high - grid.low).item<float>();
    for (at::Tensor* end : {&grid.low, &grid.high}) {
      if (end->item<float>() == 0.0F) continue;
      end->set_requires_grad(true);
      parameters_.push_back({ParameterKind::kRange, *end, width});
    }
  }
  return {};
}

void Twin::find_grids(const QuantizationPlan& plan) {
  DisjointSets sets(integer_.values.size());
  const auto join_alike = [&](ValueId a, ValueId b) {
    const Value& from = integer_.value(a);
    const Value& to = integer_.value(b);
    if (!from.constant && from.quant && from.quant == to.quant) sets.join(at_index(a), at_index(b));
  };
  for (const Node& node : integer_.nodes) {
    if (moves(node) || node.op == OpKind::kResize) {
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) join_alike(node.inputs[0], id);
      }
    } else if (node.op == OpKind::kConcat) {
      for (const ValueId id : node.inputs) join_alike(id, node.outputs[0]);
    }
  }
  std::set<std::string> encoded;
  for (const OutputEncoding& encoding : plan.encodings) {
    for (const auto& [id, carrier] : encoding.carriers) encoded.insert(float_graph_.value(id).name);
  }
  grid_of_.assign(integer_.values.size(), -1);
  std::map<std::size_t, int> known;
  for (std::size_t id = 0; id < integer_.values.size(); ++id) {
    const Value& value = integer_.values[id];
    if (value.constant || !value.quant) continue;
    const auto [place, fresh] = known.emplace(sets.find(id), static_cast<int>(grids_.size()));
    grid_of_[id] = place->second;
    if (!fresh) continue;
    Grid grid;
    grid.levels = value.type == DataType::kUint16 ? 65535 : 255;
    grid.low = at::scalar_tensor(value.quant->range_min);
    grid.high = at::scalar_tensor(value.quant->range_max);
    const float width = value.quant->range_max - value.quant->range_min;
    grid.learned = width > 0 && !encoded.contains(value.name);
    if (value.quant->per_channel()) {
      std::vector<std::int64_t> shape(value.shape.size(), 1);
      shape[static_cast<std::size_t>(value.quant->axis)] = -1;
      grid.channel_scale = at::tensor(value.quant->scale).reshape(shape);
      grid.channel_zero = at::tensor(value.quant->zero_point).reshape(shape);
    }
    grid.least_width = width / 100;
    grids_.push_back(grid);
  }
  // A change of precision is the same range in other steps.
  for (const Node& node : integer_.nodes) {
    if (node.op != OpKind::kRequantize) continue;
    const Grid& from = grids_[static_cast<std::size_t>(grid_of_[at_index(node.inputs[0])])];
    Grid& to = grids_[static_cast<std::size_t>(grid_of_[at_index(node.outputs[0])])];
    to.low = from.low;
    to.high = from.high;
    to.learned = false;
  }
  // Frames are what they are.
  if (image_)
    grids_[static_cast<std::size_t>(grid_of_[at_index(integer_.inputs[0])])].learned = false;
}

Status Twin::add_step(std::size_t index) {
  const Node& node = integer_.nodes[index];
  Step step;
  step.node = index;
  switch (node.op) {
    case OpKind::kConv:
    case OpKind::kConvTranspose:
    case OpKind::kGemm:
      step.kind = StepKind::kWeighted;
      add_weighted(step, node);
      break;
    case OpKind::kLookup:
      step.kind = StepKind::kLookup;
      QUANT_TRY(add_chain(step, node));
      break;
    case OpKind::kConcat:
      step.kind = StepKind::kConcat;
      break;
    default: {
      if (!has_gradient(integer_, node)) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("{} has no gradient: the network cannot be fine-tuned", to_string(node.op)),
            node.name);
      }
      const bool same_grid =
          grid_of_[at_index(node.inputs[0])] == grid_of_[at_index(node.outputs[0])];
      step.kind = moves(node) && same_grid ? StepKind::kMove : StepKind::kCompute;
      break;
    }
  }
  steps_.push_back(std::move(step));
  return {};
}

void Twin::add_weighted(Step& step, const Node& node) {
  const Value& weights = integer_.value(node.inputs[1]);
  const Value& bias = integer_.value(node.inputs[2]);
  step.weight_levels = weights.type == DataType::kInt16               ? 32767
                       : node.attributes.integer(kWeightBits, 8) == 4 ? 7
                                                                      : 127;
  at::Tensor scale = at::tensor(weights.quant->scale);
  if (weights.quant->per_channel()) {
    std::vector<std::int64_t> shape(weights.shape.size(), 1);
    shape[static_cast<std::size_t>(weights.quant->axis)] = -1;
    scale = scale.reshape(shape);
  }
  const at::Tensor real_weights = to_torch(*weights.constant) * scale;
  step.weights = real_weights.clone();
  step.weight_step = scale;
  const std::vector<std::uint8_t> multiples = weight_multiples(integer_, node);
  if (!multiples.empty()) step.weight_step = scale * at::tensor(multiples).reshape(weights.shape);

  const Value& input = integer_.value(node.inputs[0]);
  const bool scale_in_weights = !input.quant->is_plain();
  const auto bias_scale = at::tensor(bias.quant->scale);
  at::Tensor real = to_torch(*bias.constant) * bias_scale;
  if (scale_in_weights) {
    const std::int64_t groups = node.attributes.integer("group", 1);
    const std::int64_t inputs = weights.shape[1];
    const std::int64_t outputs = weights.shape[0] / groups;
    step.frame_scale = at::empty(weights.shape);
    step.frame_offset = at::empty(weights.shape);
    for (std::int64_t o = 0; o < weights.shape[0]; ++o) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        const auto channel = static_cast<std::size_t>(o / outputs * inputs + i);
        const auto of = [&](const std::vector<float>& values) {
          return values[values.size() == 1 ? 0 : channel];
        };
        const float zero = of(input.quant->zero_point);
        step.frame_scale[o][i].fill_(of(input.quant->scale));
        step.frame_offset[o][i].fill_(std::nearbyint(zero) - zero);
      }
    }
    step.weights = real_weights / step.frame_scale;
    real = real - (real_weights * step.frame_offset).sum({1, 2, 3});
  }
  if (step.weights.dim() == 4)
    step.weights = step.weights.contiguous(at::MemoryFormat::ChannelsLast);
  step.bias = real.clone();
  const double rms = step.weights.square().mean().sqrt().item<double>();
  step.weights.set_requires_grad(true);
  step.bias.set_requires_grad(true);
  parameters_.push_back({ParameterKind::kWeights, step.weights, std::max(rms, 1e-12)});
  const QuantParams& output = *integer_.value(node.outputs[0]).quant;
  const double scales = std::accumulate(output.scale.begin(), output.scale.end(), 0.0);
  parameters_.push_back(
      {ParameterKind::kBias, step.bias, scales / static_cast<double>(output.scale.size())});
}

Status Twin::add_chain(Step& step, const Node& node) {
  const auto root = float_graph_.find_value(integer_.value(node.inputs[0]).name);
  const auto end = float_graph_.find_value(integer_.value(node.outputs[0]).name);
  if (!root || !end)
    return fail(ErrorCode::kInternal, "the float graph has no such function", node.name);
  const auto made_by = producers(float_graph_);
  std::set<std::size_t> nodes;
  std::vector<ValueId> open = {*end};
  while (!open.empty()) {
    const ValueId current = open.back();
    open.pop_back();
    if (current == *root) continue;
    const auto producer = made_by[at_index(current)];
    if (!producer)
      return fail(ErrorCode::kInternal, "the float graph has no such function", node.name);
    if (!nodes.insert(*producer).second) continue;
    const Node& made = float_graph_.nodes[*producer];
    if (!has_gradient(float_graph_, made)) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{} has no gradient: the network cannot be fine-tuned", to_string(made.op)),
          made.name);
    }
    for (const ValueId id : made.inputs) {
      if (id == kNoValue) continue;
      if (const auto& constant = float_graph_.value(id).constant) {
        chain_constants_[id] = to_torch(*constant);
      } else {
        open.push_back(id);
      }
    }
  }
  step.chain.assign(nodes.begin(), nodes.end());
  step.chain_root = *root;
  step.chain_end = *end;
  return {};
}

}  // namespace quant::tuning
