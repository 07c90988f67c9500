// SPDX-License-Identifier: MIT
#include "quant/analyze/layer_noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "quant/analyze/layer_noise_channels.h"
#include "quant/backend/host_part.h"
#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/optimize/integer_inputs.h"

namespace quant {
namespace {

// A layer under observation.
struct Watched {
  LayerNoise layer;
  ValueId integer = kNoValue;
  ValueId reference = kNoValue;
  LayerChannels channels;
};

// Whether the real value at an end of the range is one that the layer makes on purpose, on every
// channel.
bool is_exact_end(const Node& node, const QuantParams& params, double integer) {
  for (std::size_t c = 0; c < params.scale.size(); ++c) {
    const double scale = params.scale[c];
    const double real = (integer - params.zero_point[c]) * scale;
    const auto equals_clamp = [&](const char* name) {
      return node.attributes.has(name) &&
             std::abs(node.attributes.number(name, 0) - real) <= 0.5 * scale;
    };
    const bool exact = integer == params.zero_point[c] || equals_clamp("activation_min") ||
                       equals_clamp("activation_max");
    if (!exact) return false;
  }
  return true;
}

// Takes its values from one input as they are.
bool only_moves(OpKind op) {
  static constexpr std::array kMoves = {
      OpKind::kDepthToSpace, OpKind::kExpand,  OpKind::kFlatten,   OpKind::kGather,
      OpKind::kIdentity,     OpKind::kReshape, OpKind::kSlice,     OpKind::kSpaceToDepth,
      OpKind::kSplit,        OpKind::kSqueeze, OpKind::kTranspose, OpKind::kUnsqueeze};
  return std::find(kMoves.begin(), kMoves.end(), op) != kMoves.end();
}

bool is_comparable(const Value& integer, const Value& reference) {
  return integer.quant && !reference.constant && reference.type == DataType::kFloat32 &&
         reference.shape == integer.shape &&
         (integer.type == DataType::kUint8 || integer.type == DataType::kUint16);
}

Watched watch(const NoiseSubject& subject, const Node& node, ValueId id, ValueId reference) {
  const Value& value = subject.integer->value(id);
  const double highest = value.type == DataType::kUint16 ? 65535 : 255;
  LayerNoise layer;
  layer.layer = node.name;
  layer.op = to_string(node.op);
  layer.original_names = node.original_names;
  layer.value = value.name;
  layer.shape = value.shape;
  layer.channel_scaled = subject.scaled.contains(value.name);
  return {std::move(layer), id, reference,
          LayerChannels(value.shape, *value.quant, !is_exact_end(node, *value.quant, 0),
                        !is_exact_end(node, *value.quant, highest), !only_moves(node.op))};
}

// Noise per signal; infinite where it has no such figure, 0 where exact.
double noise_share(const OutputError& error) {
  if (error.noise == 0) return 0;
  return error.signal > 0 ? error.noise / error.signal : std::numeric_limits<double>::infinity();
}

}  // namespace

struct LayerNoiseAnalysis::State {
  NoiseSubject subject;
  std::vector<Watched> watched;
  std::vector<std::string> unmatched;
  std::vector<ValueId> taps;  // of the float network: the watched values, then its outputs
  IntegerExecutor integer;
  std::vector<Tensor> integers;
  std::vector<std::size_t> position;  // in `integers`, by watched value
  std::unique_ptr<HostPart> host;
  FloatExecutor reference;
  std::vector<ModelOutputNoise> outputs;
  std::int64_t frames = 0;
};

LayerNoiseAnalysis::LayerNoiseAnalysis(std::unique_ptr<State> state) : state_(std::move(state)) {}
LayerNoiseAnalysis::LayerNoiseAnalysis(LayerNoiseAnalysis&&) noexcept = default;
LayerNoiseAnalysis& LayerNoiseAnalysis::operator=(LayerNoiseAnalysis&&) noexcept = default;
LayerNoiseAnalysis::~LayerNoiseAnalysis() = default;

Result<LayerNoiseAnalysis> LayerNoiseAnalysis::create(NoiseSubject subject, int threads) {
  const Graph& integer = *subject.integer;
  const Graph& reference = *subject.float_network;
  std::vector<Watched> watched;
  std::vector<std::string> unmatched;
  for (const Node& node : integer.nodes) {
    bool matched = false;
    for (const ValueId id : node.outputs) {
      const auto other = reference.find_value(integer.value(id).name);
      if (!other || !is_comparable(integer.value(id), reference.value(*other))) continue;
      watched.push_back(watch(subject, node, id, *other));
      matched = true;
    }
    if (!matched) unmatched.push_back(node.name);
  }
  if (watched.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "no layer of the integer network is in the float network", integer.name);
  }

  // The watched values behind each value, through layers that are not watched themselves.
  std::map<ValueId, std::vector<std::size_t>> sources;
  std::map<ValueId, std::size_t> index_of;
  for (std::size_t i = 0; i < watched.size(); ++i) index_of[watched[i].integer] = i;
  for (const Node& node : integer.nodes) {
    std::vector<std::size_t> behind;
    for (const ValueId id : node.inputs) {
      const auto found = sources.find(id);
      if (found != sources.end())
        behind.insert(behind.end(), found->second.begin(), found->second.end());
    }
    for (const ValueId id : node.outputs) {
      const auto known = index_of.find(id);
      sources[id] = known == index_of.end() ? behind : std::vector<std::size_t>{known->second};
      if (known != index_of.end()) watched[known->second].layer.inputs = behind;
    }
  }

  IntegerPlan::Options options;
  QUANT_TRY_ASSIGN(options.isa, selected_isa());
  std::vector<std::size_t> position;
  std::vector<ValueId> taps;
  for (const Watched& value : watched) {
    taps.push_back(value.reference);
    const auto output = std::find(integer.outputs.begin(), integer.outputs.end(), value.integer);
    if (output != integer.outputs.end()) {
      position.push_back(static_cast<std::size_t>(output - integer.outputs.begin()));
    } else {
      position.push_back(integer.outputs.size() + options.keep.size());
      options.keep.push_back(value.integer);
    }
  }
  taps.insert(taps.end(), reference.outputs.begin(), reference.outputs.end());
  QUANT_TRY_ASSIGN(auto plan, IntegerPlan::create(subject.integer, options));
  std::vector<QuantParams> raw_params;
  for (const ValueId id : integer.outputs) raw_params.push_back(*integer.value(id).quant);
  QUANT_TRY_ASSIGN(auto host, make_host_part(std::move(raw_params), subject.host, threads));
  QUANT_TRY_ASSIGN(FloatExecutor float_executor,
                   FloatExecutor::create(subject.float_network, threads));
  std::vector<ModelOutputNoise> outputs;
  for (const ValueId id : reference.outputs) {
    outputs.emplace_back();
    outputs.back().name = reference.value(id).name;
  }
  std::unique_ptr<State> state(new State{std::move(subject),
                                         std::move(watched),
                                         std::move(unmatched),
                                         std::move(taps),
                                         IntegerExecutor(std::move(plan), threads),
                                         {},
                                         std::move(position),
                                         std::move(host),
                                         std::move(float_executor),
                                         std::move(outputs),
                                         0});
  state->integers = state->integer.make_outputs();
  return LayerNoiseAnalysis(std::move(state));
}

Status LayerNoiseAnalysis::add_frame(const Frame& frame) {
  State& state = *state_;
  const std::vector<Tensor> inputs = float_inputs(frame, state.subject.input);
  QUANT_TRY(state.integer.run(integer_inputs(*state.subject.integer, state.subject.input, inputs),
                              state.integers));
  std::vector<Tensor> reference;
  QUANT_TRY(state.reference.run_with_taps(inputs, state.taps, reference));
  for (std::size_t i = 0; i < state.watched.size(); ++i) {
    const Tensor& integers = state.integers[state.position[i]];
    const auto& params = state.subject.integer->value(state.watched[i].integer).quant;
    QUANT_TRY_ASSIGN(const Tensor real, dequantize_tensor(integers, *params));
    state.watched[i].channels.add(reference[i], integers, real);
  }
  std::vector<Tensor> outputs;
  const std::size_t raw = state.subject.integer->outputs.size();
  QUANT_TRY(state.host->run(std::span(state.integers).first(raw), outputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto error = measure_error(reference[state.watched.size() + i], outputs[i]);
    if (error) {
      state.outputs[i].error.merge(*error);
      ++state.outputs[i].frames;
    } else {
      state.outputs[i].skip_reason = error.error().message;
    }
  }
  ++state.frames;
  return {};
}

NoiseReport LayerNoiseAnalysis::report() const {
  NoiseReport report;
  report.frames = state_->frames;
  report.outputs = state_->outputs;
  report.unmatched = state_->unmatched;
  for (const Watched& value : state_->watched) {
    LayerNoise layer = value.layer;
    value.channels.finish(layer);
    double incoming = 0;
    for (const std::size_t input : layer.inputs)
      incoming = std::max(incoming, noise_share(report.layers[input].error));
    const double own = noise_share(layer.error);
    layer.added_noise = std::isfinite(own) ? std::max(0.0, own - incoming) : 0;
    report.layers.push_back(std::move(layer));
  }
  return report;
}

}  // namespace quant
