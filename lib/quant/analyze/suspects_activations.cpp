// SPDX-License-Identifier: MIT
// Figures of every tensor of the network over a set of frames.
#include <algorithm>
#include <cmath>
#include <random>

#include "quant/analyze/suspects_survey.h"
#include "quant/engine/float_executor.h"

namespace quant {
namespace {

Range united(Range a, Range b) { return {std::min(a.min, b.min), std::max(a.max, b.max)}; }

// (H, W, C) bytes to the (1, C, H, W) floats that the graph takes.
Tensor as_graph_input(const Tensor& pixels) {
  const Shape& shape = pixels.shape();
  Tensor input(DataType::kFloat32, {1, shape[2], shape[0], shape[1]});
  const auto from = pixels.data<std::uint8_t>();
  const auto to = input.data<float>();
  const auto channels = static_cast<std::size_t>(shape[2]);
  const std::size_t plane = from.size() / channels;
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < channels; ++c)
      to[c * plane + i] = static_cast<float>(from[i * channels + c]);
  }
  return input;
}

void observe_channels(const Tensor& tensor, bool first, std::vector<Range>& channels) {
  const auto values = tensor.data<float>();
  const auto count = static_cast<std::size_t>(tensor.shape()[1]);
  const std::size_t plane = values.size() / count;
  if (first) channels.assign(count, {});
  if (channels.size() != count) return;
  for (std::size_t c = 0; c < count; ++c) {
    MinMaxObserver observer;
    observer.observe(values.subspan(c * plane, plane));
    channels[c] = first ? observer.range() : united(channels[c], observer.range());
  }
}

}  // namespace

struct ActivationSurvey::State {
  std::shared_ptr<const Graph> graph;
  FloatExecutor executor;
  std::vector<ValueId> watched;
  std::vector<TensorFigures> figures;  // one per watched value
  std::vector<std::ptrdiff_t> index;   // by ValueId; -1: not watched
  std::vector<bool> sampled;           // by ValueId
  const ActivationSurvey* limits = nullptr;
  std::int64_t frames = 0;
};

ActivationSurvey::ActivationSurvey(std::unique_ptr<State> state) : state_(std::move(state)) {}
ActivationSurvey::~ActivationSurvey() = default;
ActivationSurvey::ActivationSurvey(ActivationSurvey&&) noexcept = default;
ActivationSurvey& ActivationSurvey::operator=(ActivationSurvey&&) noexcept = default;

Result<ActivationSurvey> ActivationSurvey::create(std::shared_ptr<const Graph> graph,
                                                  const std::vector<ValueId>& sampled, int threads,
                                                  const ActivationSurvey* limits) {
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(graph, threads));
  std::vector<ValueId> watched = graph->inputs;
  for (const Node& node : graph->nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && graph->value(id).type == DataType::kFloat32) watched.push_back(id);
    }
  }
  std::vector<std::ptrdiff_t> index(graph->values.size(), -1);
  for (std::size_t i = 0; i < watched.size(); ++i)
    index[static_cast<std::size_t>(watched[i])] = static_cast<std::ptrdiff_t>(i);
  std::vector<bool> is_sampled(graph->values.size());
  for (const ValueId id : sampled) is_sampled[static_cast<std::size_t>(id)] = true;
  std::vector<TensorFigures> figures(watched.size());
  return ActivationSurvey(std::make_unique<State>(
      State{std::move(graph), std::move(executor), std::move(watched), std::move(figures),
            std::move(index), std::move(is_sampled), limits}));
}

Status ActivationSurvey::add(const Tensor& pixels) {
  State& state = *state_;
  const Tensor input = as_graph_input(pixels);
  std::vector<Tensor> tapped;
  QUANT_TRY(state.executor.run_with_taps(std::span(&input, 1), state.watched, tapped));
  for (std::size_t i = 0; i < tapped.size(); ++i) {
    const auto values = std::as_const(tapped[i]).data<float>();
    if (values.empty()) continue;
    TensorFigures& figures = state.figures[i];
    MinMaxObserver observer;
    observer.observe(values);
    const bool first = figures.values == 0;
    figures.range = first ? observer.range() : united(figures.range, observer.range());
    figures.non_finite += observer.non_finite();
    if (tapped[i].rank() >= 3 && tapped[i].shape()[0] == 1)
      observe_channels(tapped[i], first, figures.channels);
    figures.values += static_cast<std::int64_t>(values.size());
    const ValueId id = state.watched[i];
    if (state.sampled[static_cast<std::size_t>(id)]) {
      // A fixed step would meet the same channel or column again and again.
      std::minstd_rand random(static_cast<std::uint32_t>(state.frames + 1));
      for (std::size_t n = 0; n < std::min(kSample, values.size()); ++n)
        figures.sample.push_back(values[random() % values.size()]);
    }
    if (state.limits != nullptr) {
      const Range allowed = state.limits->figures(id)->range;
      figures.outside += std::count_if(values.begin(), values.end(), [&](float value) {
        return value < allowed.min || value > allowed.max;
      });
    }
  }
  ++state.frames;
  return {};
}

std::int64_t ActivationSurvey::frames() const { return state_->frames; }
const Graph& ActivationSurvey::graph() const { return *state_->graph; }

const TensorFigures* ActivationSurvey::figures(ValueId id) const {
  const std::ptrdiff_t index = state_->index[static_cast<std::size_t>(id)];
  return index < 0 ? nullptr : &state_->figures[static_cast<std::size_t>(index)];
}

std::vector<ValueId> domain_tensors(const Graph& graph) {
  std::vector<ValueId> ids = graph.inputs;
  const auto conv = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                 [](const Node& node) { return node.op == OpKind::kConv; });
  if (conv != graph.nodes.end()) ids.push_back(conv->outputs[0]);
  for (const ValueId id : graph.outputs) {
    if (graph.value(id).type == DataType::kFloat32 && !graph.value(id).constant &&
        std::find(ids.begin(), ids.end(), id) == ids.end())
      ids.push_back(id);
  }
  return ids;
}

}  // namespace quant
