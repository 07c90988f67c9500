// SPDX-License-Identifier: MIT
#include "quant/engine/float_plan.h"

#include <algorithm>
#include <new>

#include "quant/engine/float_rewrite.h"

namespace quant {
namespace {

std::size_t index_of(ValueId id) { return static_cast<std::size_t>(id); }

// Nodes without which a wanted value cannot be made.
std::vector<bool> needed_nodes(const Graph& graph, const std::vector<ValueId>& wanted) {
  std::vector<bool> value_needed(graph.values.size(), false);
  for (const ValueId id : wanted) value_needed[index_of(id)] = true;
  std::vector<bool> node_needed(graph.nodes.size(), false);
  for (std::size_t node = graph.nodes.size(); node-- > 0;) {
    const Node& current = graph.nodes[node];
    node_needed[node] = std::ranges::any_of(
        current.outputs, [&](ValueId id) { return id != kNoValue && value_needed[index_of(id)]; });
    if (!node_needed[node]) continue;
    for (const ValueId id : current.inputs) {
      if (id != kNoValue) value_needed[index_of(id)] = true;
    }
  }
  return node_needed;
}

bool inputs_are_static(const Graph& graph, const Node& node) {
  return std::ranges::all_of(
      node.inputs, [&](ValueId id) { return id == kNoValue || is_static(graph.value(id).shape); });
}

// Types and shapes as far as they are known before anything runs; -1 alone stands for an unknown
// rank.
Status infer_known(Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (inputs_are_static(graph, node)) {
      QUANT_TRY(infer_node(graph, node));
      continue;
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) graph.value(id).shape = {-1};
    }
  }
  return {};
}

// Whether the output is the first input's memory.
bool is_view(OpKind op) {
  return op == OpKind::kReshape || op == OpKind::kFlatten || op == OpKind::kSqueeze ||
         op == OpKind::kUnsqueeze || op == OpKind::kIdentity;
}

Status check_wanted(const Graph& graph, const std::vector<ValueId>& wanted) {
  const auto makers = producers(graph);
  for (const ValueId id : wanted) {
    const bool given =
        graph.value(id).constant || std::ranges::find(graph.inputs, id) != graph.inputs.end();
    if (!given && !makers[index_of(id)]) {
      return fail(ErrorCode::kInvalidArgument, "nothing makes this tensor", graph.value(id).name);
    }
  }
  return {};
}

void drop_unneeded(FloatGraph& float_graph) {
  Graph& graph = float_graph.graph;
  const std::vector<bool> needed = needed_nodes(graph, float_graph.wanted);
  std::size_t node = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return !needed[node++]; });
}

}  // namespace

Result<std::unique_ptr<FloatPlan>> FloatPlan::create(Graph graph, std::vector<ValueId> wanted) {
  FloatGraph source{std::move(graph), std::move(wanted)};
  QUANT_TRY(check_wanted(source.graph, source.wanted));
  drop_unneeded(source);
  QUANT_TRY(infer_known(source.graph));
  fuse_into_convolutions(source);
  pick_channels(source);
  drop_unneeded(source);
  QUANT_TRY_ASSIGN(FloatGraph fast, with_channels_last(source));
  drop_unneeded(fast);
  QUANT_TRY(infer_known(fast.graph));

  auto plan = std::make_unique<FloatPlan>();
  plan->graph_ = std::move(fast.graph);
  plan->wanted_ = std::move(fast.wanted);
  for (std::size_t node = 0; node < plan->graph_.nodes.size(); ++node) {
    const Node& current = plan->graph_.nodes[node];
    Step step;
    step.node = node;
    for (const ValueId id : current.inputs) {
      step.types.push_back(
          id == kNoValue ? TensorType{}
                         : TensorType{plan->graph_.value(id).type, plan->graph_.value(id).shape});
    }
    plan->steps_.push_back(std::move(step));
    plan->steps_.back().fixed = inputs_are_static(plan->graph_, current);
    if (plan->steps_.back().fixed) QUANT_TRY(plan->prepare(plan->steps_.back(), {}));
  }

  // Whoever nobody reads at all dies where it is made.
  std::vector<bool> keep(plan->graph_.values.size(), false);
  for (const ValueId id : plan->wanted_) keep[index_of(id)] = true;
  std::vector<bool> leaves = keep;  // a wanted value, or one that a wanted value is a view of
  std::vector<bool> seen(keep.size(), false);
  for (std::size_t i = plan->steps_.size(); i-- > 0;) {
    Step& step = plan->steps_[i];
    const Node& node = plan->graph_.nodes[step.node];
    step.makes_result = std::ranges::any_of(
        node.outputs, [&](ValueId id) { return id != kNoValue && leaves[index_of(id)]; });
    if (step.makes_result && is_view(node.op)) leaves[index_of(node.inputs[0])] = true;
    for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs}) {
      for (const ValueId id : *ids) {
        if (id == kNoValue || seen[index_of(id)] || plan->graph_.value(id).constant) continue;
        seen[index_of(id)] = true;
        if (!keep[index_of(id)]) step.last_uses.push_back(id);
      }
    }
  }
  plan->values_.resize(plan->graph_.values.size());
  return plan;
}

// With no `inputs` for the types that the step holds, else for those of `inputs`.
Status FloatPlan::prepare(Step& step, std::span<const Tensor* const> inputs) {
  const Node& node = graph_.nodes[step.node];
  NodeContext context{node, std::vector<const TensorType*>(node.inputs.size(), nullptr),
                      std::vector<const Tensor*>(node.inputs.size(), nullptr)};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    if (!inputs.empty()) step.types[i] = {inputs[i]->type(), inputs[i]->shape()};
    context.types[i] = &step.types[i];
    const Value& value = graph_.value(node.inputs[i]);
    if (value.constant) context.constants[i] = &*value.constant;
  }
  QUANT_TRY_ASSIGN(step.prepared, prepare_node(context));
  return {};
}

Status FloatPlan::run_step(Step& step) {
  const Node& node = graph_.nodes[step.node];
  std::vector<const Tensor*>& inputs = step.inputs;
  std::vector<Tensor>& outputs = step.outputs;
  inputs.assign(node.inputs.size(), nullptr);
  bool fits = step.prepared != nullptr;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph_.value(node.inputs[i]);
    inputs[i] = value.constant ? &*value.constant : &*values_[index_of(node.inputs[i])];
    fits = fits && (step.fixed || (inputs[i]->shape() == step.types[i].shape &&
                                   inputs[i]->type() == step.types[i].type));
  }
  if (!fits) {
    step.prepared.reset();
    QUANT_TRY(prepare(step, inputs));
  }
  const Workspace::Scope memory(step.makes_result ? nullptr : workspace_.get());
  if (auto status = step.prepared->run(inputs, outputs); !status) {
    return fail_with_context(std::move(status).error(), display_name(node));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    if (i >= outputs.size()) {
      return fail(ErrorCode::kInvalidData, "has more outputs than the operator makes",
                  display_name(node));
    }
    values_[index_of(node.outputs[i])] = std::move(outputs[i]);
  }
  outputs.clear();
  for (const ValueId id : step.last_uses) values_[index_of(id)].reset();
  return {};
}

Status FloatPlan::run(std::span<const Tensor> inputs, std::vector<Tensor>& results) {
  for (std::size_t i = 0; i < inputs.size(); ++i) values_[index_of(graph_.inputs[i])] = inputs[i];
  results.clear();
  Status status;
  for (Step& step : steps_) {
    try {
      status = run_step(step);
    } catch (const std::bad_alloc&) {
      status = fail(ErrorCode::kOutOfRange, "there is not enough memory",
                    display_name(graph_.nodes[step.node]));
    }
    if (!status) break;
  }
  if (status) {
    for (const ValueId id : wanted_) {
      const Value& value = graph_.value(id);
      const Tensor& result = value.constant ? *value.constant : *values_[index_of(id)];
      results.push_back(workspace_->owns(result.raw()) ? result.clone() : result);
    }
  }
  for (std::optional<Tensor>& value : values_) value.reset();
  workspace_->grow();
  return status;
}

}  // namespace quant
