// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_inputs.h"

#include <algorithm>

#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

// The part of `graph` that makes `outputs`.
std::shared_ptr<Graph> part_of(const Graph& graph, std::vector<ValueId> outputs) {
  auto part = std::make_shared<Graph>(graph);
  part->outputs = std::move(outputs);
  remove_unused(*part);
  return part;
}

std::optional<std::size_t> place_of(const std::vector<ValueId>& ids, ValueId id) {
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) return std::nullopt;
  return static_cast<std::size_t>(found - ids.begin());
}

// Feature maps (N, H, W, C) as (N, C, H, W); other tensors as they are.
Tensor planar(const Tensor& input) {
  const Shape& shape = input.shape();
  if (shape.size() != 4) return input;
  Tensor result(input.type(), {shape[0], shape[3], shape[1], shape[2]}, BufferFill::kUndefined);
  const auto channels = static_cast<std::size_t>(shape[3]);
  const auto area = static_cast<std::size_t>(shape[1] * shape[2]);
  visit_activation(input, [&](auto from) {
    const auto to = result.data<std::remove_cv_t<typename decltype(from)::element_type>>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t image = i / (area * channels);
      to[(image * channels + i % channels) * area + i / channels % area] = from[i];
    }
  });
  return result;
}

}  // namespace

Result<LayerInputs> LayerInputs::create(const Graph& integer, const Graph& float_graph,
                                        std::span<const std::size_t> nodes, int threads) {
  LayerInputs inputs;
  QUANT_TRY(inputs.find_integers(integer, nodes, threads));
  QUANT_TRY(inputs.find_reals(integer, float_graph, threads));
  return inputs;
}

Status LayerInputs::find_integers(const Graph& integer, std::span<const std::size_t> nodes,
                                  int threads) {
  for (const std::size_t index : nodes) {
    const ValueId id = integer.nodes[index].inputs[0];
    const auto known = place_of(read_, id);
    wanted_.push_back(known.value_or(read_.size()));
    if (!known) read_.push_back(id);
  }
  std::vector<ValueId> made;
  for (const ValueId id : read_) {
    from_frame_.push_back(place_of(integer.inputs, id));
    if (!from_frame_.back()) made.push_back(id);
  }
  if (made.empty()) return {};
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  QUANT_TRY_ASSIGN(auto plan, IntegerPlan::create(part_of(integer, std::move(made)), {isa, {}}));
  integer_ = std::make_unique<IntegerExecutor>(std::move(plan), threads);
  computed_ = integer_->make_outputs();
  return {};
}

Status LayerInputs::find_reals(const Graph& integer, const Graph& float_graph, int threads) {
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < read_.size(); ++i) {
    const Value& value = integer.value(read_[i]);
    const auto same = float_graph.find_value(value.name);
    const bool fits = same && !from_frame_[i] && value.quant->is_plain() &&
                      float_graph.value(*same).shape == value.shape;
    from_float_.push_back(fits ? std::optional(made.size()) : std::nullopt);
    if (fits) made.push_back(*same);
  }
  if (made.empty()) return {};
  QUANT_TRY_ASSIGN(float_, FloatExecutor::create(part_of(float_graph, std::move(made)), threads));
  return {};
}

Status LayerInputs::run(std::span<const Tensor> integers, std::span<const Tensor> reals) {
  if (integer_) QUANT_TRY(integer_->run(integers, computed_));
  if (float_) QUANT_TRY(float_->run(reals, reals_));
  integers_.clear();
  auto next = computed_.begin();
  for (const auto& input : from_frame_)
    integers_.push_back(input ? planar(integers[*input]) : *next++);
  return {};
}

}  // namespace quant
