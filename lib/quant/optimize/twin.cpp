// SPDX-License-Identifier: MIT
#include "quant/optimize/twin.h"

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/fake_quantize.h"
#include "quant/optimize/torch_tensor.h"
#include "quant/optimize/twin_operators.h"

namespace quant::tuning {
namespace {

std::size_t at_index(ValueId id) { return static_cast<std::size_t>(id); }

// Channels last: oneDNN's convolutions are fastest so.
at::Tensor dense(const at::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x.contiguous();
}

}  // namespace

at::Tensor Twin::round(const at::Tensor& x, ValueId id, const Attributes& attributes) const {
  const Clamp clamp = clamp_of(attributes);
  if (!rounding_) {
    at::Tensor y = x;
    if (clamp.min) y = y.clamp_min(*clamp.min);
    if (clamp.max) y = y.clamp_max(*clamp.max);
    return y;
  }
  const Grid& grid = grids_[static_cast<std::size_t>(grid_of_[at_index(id)])];
  if (!grid.channel_scale.defined())
    return fake_quantize(x, grid.low, grid.high, grid.levels, clamp);
  const auto level = [&](float real) {
    return (real / grid.channel_scale + grid.channel_zero).round().clamp(0, grid.levels) -
           grid.channel_zero;
  };
  const at::Tensor lowest = clamp.min ? level(*clamp.min) : -grid.channel_zero;
  const at::Tensor highest = clamp.max ? level(*clamp.max) : grid.levels - grid.channel_zero;
  const at::Tensor steps = at::minimum(at::maximum(x / grid.channel_scale, lowest), highest);
  // The gradient passes straight through the rounding.
  return (steps + (steps.round() - steps).detach()) * grid.channel_scale;
}

at::Tensor Twin::run_weighted(const Step& step, const at::Tensor& x) const {
  at::Tensor weights = step.weights;
  if (step.frame_scale.defined()) weights = weights * step.frame_scale;
  if (rounding_) weights = fake_quantize_weights(weights, step.weight_step, step.weight_levels);
  at::Tensor bias = step.bias;
  if (step.frame_scale.defined()) bias = bias + (weights * step.frame_offset).sum({1, 2, 3});
  return weighted(integer_.nodes[step.node], x, weights, bias);
}

at::Tensor Twin::run_chain(const Step& step, const at::Tensor& x) const {
  std::map<ValueId, at::Tensor> known{{step.chain_root, x}};
  for (const std::size_t index : step.chain) {
    const Node& node = float_graph_.nodes[index];
    std::vector<at::Tensor> inputs;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) {
        inputs.emplace_back();
      } else if (const auto constant = chain_constants_.find(id);
                 constant != chain_constants_.end()) {
        inputs.push_back(constant->second);
      } else {
        inputs.push_back(known.at(id));
      }
    }
    known[node.outputs[0]] = evaluate(float_graph_, node, inputs)[0];
  }
  return known.at(step.chain_end);
}

at::Tensor Twin::normalized(const at::Tensor& pixels) const {
  const QuantParams& params = *integer_.value(integer_.inputs[0]).quant;
  if (params.is_plain()) return (pixels - params.zero_point[0]) * params.scale[0];
  return pixels - at::tensor(params.zero_point).round().reshape({1, -1, 1, 1});
}

std::vector<at::Tensor> Twin::run(const std::vector<at::Tensor>& frame,
                                  std::vector<at::Tensor>* inner) {
  std::vector<at::Tensor> values = constants_;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const ValueId id = integer_.inputs[i];
    values[at_index(id)] = image_ ? dense(normalized(frame[i])) : round(dense(frame[i]), id, {});
  }
  for (const Step& step : steps_) {
    const Node& node = integer_.nodes[step.node];
    const ValueId out = node.outputs[0];
    const auto in = [&](std::size_t i) { return values[at_index(node.inputs[i])]; };
    switch (step.kind) {
      case StepKind::kWeighted:
        values[at_index(out)] = round(run_weighted(step, in(0)), out, node.attributes);
        if (inner != nullptr) inner->push_back(values[at_index(out)]);
        break;
      case StepKind::kLookup:
        values[at_index(out)] = round(run_chain(step, in(0)), out, {});
        break;
      case StepKind::kConcat: {
        std::vector<at::Tensor> parts;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
          const bool same = grid_of_[at_index(node.inputs[i])] == grid_of_[at_index(out)];
          parts.push_back(same ? in(i) : round(in(i), out, {}));
        }
        values[at_index(out)] = evaluate(integer_, node, parts)[0];
        break;
      }
      case StepKind::kMove:
      case StepKind::kCompute: {
        std::vector<at::Tensor> inputs;
        for (const ValueId id : node.inputs)
          inputs.push_back(id == kNoValue ? at::Tensor() : values[at_index(id)]);
        std::vector<at::Tensor> outputs = evaluate(integer_, node, inputs);
        for (std::size_t i = 0; i < node.outputs.size(); ++i) {
          if (node.outputs[i] == kNoValue) continue;
          values[at_index(node.outputs[i])] =
              step.kind == StepKind::kMove ? outputs[i]
                                           : round(outputs[i], node.outputs[i], node.attributes);
        }
        break;
      }
    }
  }
  std::vector<at::Tensor> host = host_constants_;
  for (std::size_t i = 0; i < host_.inputs.size(); ++i)
    host[at_index(host_.inputs[i])] = values[at_index(integer_.outputs[i])];
  for (const Node& node : host_.nodes) {
    std::vector<at::Tensor> inputs;
    for (const ValueId id : node.inputs)
      inputs.push_back(id == kNoValue ? at::Tensor() : host[at_index(id)]);
    const std::vector<at::Tensor> outputs = evaluate(host_, node, inputs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) host[at_index(node.outputs[i])] = outputs[i];
    }
  }
  std::vector<at::Tensor> results;
  for (const ValueId id : host_.outputs) results.push_back(host[at_index(id)]);
  return results;
}

std::vector<std::string> Twin::inner_names() const {
  std::vector<std::string> names;
  for (const Step& step : steps_) {
    if (step.kind == StepKind::kWeighted)
      names.push_back(integer_.value(integer_.nodes[step.node].outputs[0]).name);
  }
  return names;
}

void Twin::keep_in_bounds() {
  const at::NoGradGuard no_gradient;
  for (Grid& grid : grids_) {
    if (!grid.learned) continue;
    grid.low.clamp_max_(0);
    grid.high.clamp_min_(0);
    const float width = (grid.high - grid.low).item<float>();
    if (width >= grid.least_width) continue;
    if (grid.high.requires_grad())
      grid.high += grid.least_width - width;
    else
      grid.low -= grid.least_width - width;
  }
}

TunedValues Twin::values() const {
  TunedValues result;
  for (const Step& step : steps_) {
    if (step.kind != StepKind::kWeighted) continue;
    const Node& node = integer_.nodes[step.node];
    TunedLayer& layer = result.layers[node.name];
    layer.weights = from_torch(step.weights);
    layer.steps = {*integer_.value(node.inputs[1]).quant,
                   node.attributes.get(kWeightMultiples, Tensor())};
    const Tensor bias = from_torch(step.bias);
    const auto data = bias.data<float>();
    layer.bias.assign(data.begin(), data.end());
  }
  for (std::size_t id = 0; id < grid_of_.size(); ++id) {
    if (grid_of_[id] < 0) continue;
    const Grid& grid = grids_[static_cast<std::size_t>(grid_of_[id])];
    if (grid.learned)
      result.ranges[integer_.values[id].name] = {grid.low.item<float>(), grid.high.item<float>()};
  }
  return result;
}

}  // namespace quant::tuning
