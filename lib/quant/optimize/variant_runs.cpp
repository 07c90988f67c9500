// SPDX-License-Identifier: MIT
#include "quant/optimize/variant_runs.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include "quant/engine/integer_executor.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/shared_part.h"

namespace quant {
namespace {

// The nodes of `graph` that its outputs and `more` need where the tensors that `has` names are
// there already; inputs are those of them that are read. Outputs: the graph's, then `more`.
Graph part_behind(const Graph& graph, const std::vector<ValueId>& more,
                  const std::function<bool(ValueId)>& has) {
  std::vector<bool> needed(graph.values.size(), false);
  const auto need = [&needed](ValueId id) { needed[static_cast<std::size_t>(id)] = true; };
  const auto is_needed = [&needed](ValueId id) {
    return id != kNoValue && needed[static_cast<std::size_t>(id)];
  };
  Graph part = graph;
  part.outputs.insert(part.outputs.end(), more.begin(), more.end());
  for (const ValueId id : part.outputs) need(id);
  part.nodes.clear();
  std::vector<bool> made(graph.values.size(), false);
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool runs = std::any_of(node->outputs.begin(), node->outputs.end(),
                                  [&](ValueId id) { return is_needed(id) && !has(id); });
    if (!runs) continue;
    for (const ValueId id : node->outputs) {
      if (id != kNoValue) made[static_cast<std::size_t>(id)] = true;
    }
    for (const ValueId id : node->inputs) {
      if (id != kNoValue) need(id);
    }
    part.nodes.push_back(*node);
  }
  std::reverse(part.nodes.begin(), part.nodes.end());
  part.inputs.clear();
  for (std::size_t id = 0; id < graph.values.size(); ++id) {
    if (needed[id] && !made[id] && !graph.values[id].constant)
      part.inputs.push_back(static_cast<ValueId>(id));
  }
  remove_unused(part);
  return part;
}

// What is shared and read by what is not, or is an output.
std::vector<ValueId> edge_of(const Graph& graph, const std::vector<bool>& shared) {
  std::vector<bool> at_edge(graph.values.size(), false);
  const auto is_shared = [&](ValueId id) {
    return id != kNoValue && shared[static_cast<std::size_t>(id)];
  };
  const auto add = [&](ValueId id) {
    if (is_shared(id) && !graph.value(id).constant) at_edge[static_cast<std::size_t>(id)] = true;
  };
  for (const Node& node : graph.nodes) {
    if (std::all_of(node.outputs.begin(), node.outputs.end(),
                    [&](ValueId id) { return id == kNoValue || is_shared(id); }))
      continue;
    for (const ValueId id : node.inputs) add(id);
  }
  for (const ValueId id : graph.outputs) add(id);
  for (const ValueId id : graph.inputs) at_edge[static_cast<std::size_t>(id)] = false;
  std::vector<ValueId> edge;
  for (std::size_t id = 0; id < at_edge.size(); ++id) {
    if (at_edge[id]) edge.push_back(static_cast<ValueId>(id));
  }
  return edge;
}

struct Lane {
  explicit Lane(std::shared_ptr<const IntegerPlan> plan)
      : executor(std::move(plan), 1), outputs(executor.make_outputs()) {}
  IntegerExecutor executor;
  std::vector<Tensor> outputs;
};

// Tasks end in the order of their numbers; what the first failed with is left. ThreadPool starts
// them in that order, so that the one whose turn it is always runs.
class Turns {
 public:
  struct Outcome {
    Status status;
    std::exception_ptr thrown;  // no memory: for the caller's thread
    bool failed() const { return !status || thrown; }
  };

  bool failed() {
    const std::lock_guard lock(mutex_);
    return first_.failed();
  }
  // Waits for the turn of task `index`, and takes what it ended with; where nothing failed yet,
  // `last` runs.
  template <typename Last>
  void take(std::int64_t index, Outcome outcome, const Last& last) {
    std::unique_lock lock(mutex_);
    next_turn_.wait(lock, [&] { return turn_ == index; });
    if (!first_.failed()) first_ = std::move(outcome);
    if (!first_.failed()) first_ = last();
    ++turn_;
    next_turn_.notify_all();
  }
  // When all have ended.
  Status result() {
    if (first_.thrown) std::rethrow_exception(first_.thrown);
    return std::move(first_.status);
  }

 private:
  std::mutex mutex_;
  std::condition_variable next_turn_;
  std::int64_t turn_ = 0;
  Outcome first_;
};

template <typename Work>
Turns::Outcome guarded(const Work& work) {
  try {
    return {work(), nullptr};
  } catch (...) {
    return {Status(), std::current_exception()};
  }
}

}  // namespace

VariantRuns::VariantRuns(std::vector<std::vector<Tensor>> frames, int threads)
    : count_(frames.size()), frames_(std::move(frames)), pool_(threads) {}

Status VariantRuns::run(const Graph& graph, const InputSpec& spec, std::size_t stride,
                        const Visit& visit, const Settle& settle) {
  if (stride != stride_) {
    last_.reset();
    kept_.clear();
    stride_ = stride;
  }
  std::vector<bool> shared(graph.values.size(), false);
  if (last_) shared = values_in_common(graph, *last_);
  refresh_inputs(graph, spec);
  const std::vector<ValueId> edge = edge_of(graph, shared);
  std::erase_if(kept_, [&](const auto& entry) {
    const auto id = graph.find_value(entry.first);
    return !id || !shared[static_cast<std::size_t>(*id)];
  });
  std::vector<ValueId> fresh;
  std::copy_if(edge.begin(), edge.end(), std::back_inserter(fresh),
               [&](ValueId id) { return !kept_.contains(graph.value(id).name); });
  // Nothing is known of what an interrupted run leaves.
  last_.reset();
  const Graph part =
      part_behind(graph, fresh, [&](ValueId id) { return kept_.contains(graph.value(id).name); });
  QUANT_TRY(run_part(part, graph.outputs.size(), stride, visit, settle));
  std::erase_if(kept_, [&](const auto& entry) {
    return std::none_of(edge.begin(), edge.end(),
                        [&](ValueId id) { return graph.value(id).name == entry.first; });
  });
  last_ = graph;
  return {};
}

void VariantRuns::refresh_inputs(const Graph& graph, const InputSpec& spec) {
  const auto same = [&](ValueId a, ValueId b) {
    return graph.value(a).name == last_->value(b).name &&
           graph.value(a).quant == last_->value(b).quant;
  };
  const bool known = last_ && std::equal(graph.inputs.begin(), graph.inputs.end(),
                                         last_->inputs.begin(), last_->inputs.end(), same);
  if (known || (frames_.empty() && !inputs_.empty())) return;
  inputs_.clear();
  for (const std::vector<Tensor>& frame : frames_) {
    std::vector<Tensor> tensors = integer_inputs(graph, spec, frame);
    for (std::size_t i = 0; i < tensors.size(); ++i)
      inputs_[graph.value(graph.inputs[i]).name].push_back(std::move(tensors[i]));
  }
  if (spec.is_image()) frames_.clear();
}

// Those of its outputs beyond the first `outputs` are kept.
Status VariantRuns::run_part(const Graph& part, std::size_t outputs, std::size_t stride,
                             const Visit& visit, const Settle& settle) {
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  QUANT_TRY_ASSIGN(const auto plan,
                   IntegerPlan::create(std::make_shared<const Graph>(part), {isa, {}}));
  std::vector<const std::vector<Tensor>*> sources;
  for (const ValueId id : part.inputs) {
    const auto kept = kept_.find(part.value(id).name);
    sources.push_back(kept != kept_.end() ? &kept->second : &inputs_.at(part.value(id).name));
  }
  std::vector<std::vector<Tensor>*> kept;
  for (std::size_t i = outputs; i < part.outputs.size(); ++i) {
    std::vector<Tensor>& tensors = kept_[part.value(part.outputs[i]).name];
    tensors.resize(count_);
    kept.push_back(&tensors);
  }
  std::vector<std::unique_ptr<Lane>> at_work;
  while (at_work.size() < lanes()) at_work.push_back(std::make_unique<Lane>(plan));
  const auto run_frame = [&](std::size_t frame, std::size_t which) -> Status {
    Lane& lane = *at_work[which];
    std::vector<Tensor> inputs;
    inputs.reserve(sources.size());
    for (const auto* source : sources) inputs.push_back((*source)[frame]);
    QUANT_TRY(lane.executor.run(inputs, lane.outputs));
    for (std::size_t i = 0; i < kept.size(); ++i)
      (*kept[i])[frame] = as_executor_input(lane.outputs[outputs + i]);
    return visit(frame, which, std::span(lane.outputs).first(outputs));
  };
  const std::size_t count = (count_ + stride - 1) / stride;
  Turns turns;
  pool_.run(static_cast<std::int64_t>(count), [&](std::int64_t index, int which) {
    const std::size_t frame = static_cast<std::size_t>(index) * stride;
    const auto lane = static_cast<std::size_t>(which);
    Turns::Outcome outcome;
    if (!turns.failed()) outcome = guarded([&] { return run_frame(frame, lane); });
    turns.take(index, std::move(outcome),
               [&] { return guarded([&] { return settle ? settle(frame, lane) : Status(); }); });
  });
  return turns.result();
}

}  // namespace quant
