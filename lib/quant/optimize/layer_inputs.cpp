// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_inputs.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace quant {
namespace {

// The place of `id` in `ids`, at the end where it was not there.
std::size_t place_in(std::vector<ValueId>& ids, ValueId id) {
  const auto found = std::find(ids.begin(), ids.end(), id);
  const auto place = static_cast<std::size_t>(found - ids.begin());
  if (found == ids.end()) ids.push_back(id);
  return place;
}

}  // namespace

Result<LayerInputs> LayerInputs::create(const Graph& integer, const Graph& float_graph,
                                        std::span<const std::size_t> nodes, std::size_t lanes) {
  LayerInputs inputs;
  std::vector<ValueId> read;
  for (const std::size_t index : nodes)
    inputs.wanted_.push_back(place_in(read, integer.nodes[index].inputs[0]));
  std::vector<ValueId> reals;
  for (const ValueId id : read) {
    const Value& value = integer.value(id);
    const auto same = float_graph.find_value(value.name);
    const bool of_network =
        std::find(integer.inputs.begin(), integer.inputs.end(), id) != integer.inputs.end();
    const bool fits = same && !of_network && value.quant->is_plain() &&
                      float_graph.value(*same).shape == value.shape;
    inputs.from_float_.push_back(fits ? std::optional(place_in(reals, *same)) : std::nullopt);
  }
  inputs.part_ = integer;
  inputs.part_.outputs = std::move(read);
  if (reals.empty()) return inputs;
  auto part = std::make_shared<Graph>(float_graph);
  part->outputs = std::move(reals);
  remove_unused(*part);
  while (inputs.floats_.size() < lanes) {
    QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(part, 1));
    inputs.floats_.push_back(std::move(executor));
  }
  inputs.reals_.resize(lanes);
  return inputs;
}

Status LayerInputs::run(VariantRuns& runs, const InputSpec& spec,
                        std::span<const std::vector<Tensor>> frames, const Visit& visit,
                        const VariantRuns::Settle& settle) {
  const auto look = [&](std::size_t frame, std::size_t lane,
                        std::span<const Tensor> integers) -> Status {
    if (floats_.empty()) return visit(frame, lane, Seen(*this, integers, {}));
    QUANT_TRY(floats_[lane].run(frames[frame], reals_[lane]));
    return visit(frame, lane, Seen(*this, integers, reals_[lane]));
  };
  return runs.run(part_, spec, 1, look, settle);
}

}  // namespace quant
