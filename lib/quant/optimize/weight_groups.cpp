// SPDX-License-Identifier: MIT
#include "quant/optimize/weight_groups.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/choose_params.h"

namespace quant {
namespace {

constexpr double kMostLevel = 7;

double scale_of(const QuantParams& params, std::size_t output) {
  return params.scale[params.scale.size() == 1 ? 0 : output];
}

double rounded(double weight, double step) {
  return std::clamp(std::nearbyint(weight / step), -kMostLevel, kMostLevel);
}

// The least multiple that clips nothing.
int covering_multiple(const std::vector<float>& group, double scale) {
  double largest = 0;
  for (const float weight : group) largest = std::max(largest, std::abs(double{weight}));
  return static_cast<int>(
      std::clamp(std::ceil(largest / (kMostLevel * scale)), 1.0, double{kMostMultiple}));
}

int least_error_multiple(const std::vector<float>& group, double scale) {
  int best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (int multiple = 1; multiple <= kMostMultiple; ++multiple) {
    const double step = multiple * scale;
    double error = 0;
    for (const float weight : group) {
      const double difference = weight - rounded(weight, step) * step;
      error += difference * difference;
    }
    if (error >= least) continue;
    least = error;
    best = multiple;
  }
  return best;
}

}  // namespace

WeightGroups::WeightGroups(OpKind op, const Attributes& attributes, const Shape& weights,
                           std::int64_t size)
    : transposed_(op == OpKind::kConvTranspose), size_(static_cast<std::size_t>(size)) {
  const auto first = static_cast<std::size_t>(weights[0]);
  const auto second = static_cast<std::size_t>(weights[1]);
  const auto convolutions = static_cast<std::size_t>(attributes.integer("group", 1));
  kernel_ = weights.size() == 4 ? static_cast<std::size_t>(weights[2] * weights[3]) : 1;
  row_ = second * kernel_;
  inputs_ = transposed_ ? first / convolutions : second;
  outputs_ = transposed_ ? second * convolutions : first;
}

std::size_t WeightGroups::output(std::size_t weight) const {
  if (!transposed_) return weight / row_;
  return weight / row_ / inputs_ * (row_ / kernel_) + weight % row_ / kernel_;
}

std::size_t WeightGroups::position(std::size_t weight) const {
  return transposed_ ? weight / row_ % inputs_ : weight % row_ / kernel_;
}

std::size_t WeightGroups::group(std::size_t weight) const {
  return output(weight) * per_output() + position(weight) / size_;
}

std::optional<WeightGroups> planned_groups(const LayerPlan& plan, OpKind op,
                                           const Attributes& attributes, const Shape& weights) {
  if (plan.scaling.group_size == 0 || plan.precision.weight_bits != 4) return {};
  const WeightGroups groups(op, attributes, weights, plan.scaling.group_size);
  if (groups.per_output() == 1) return {};
  return groups;
}

QuantParams grouped_weight_params(const Tensor& weights, int axis, WeightScaling scaling) {
  if (scaling.clip == WeightScaling::Clip::kMse) scaling.clip = WeightScaling::Clip::kNone;
  QuantParams params = weight_params(weights, axis, 4, scaling);
  for (float& scale : params.scale) scale /= kMostMultiple;
  return params;
}

Tensor choose_multiples(const Tensor& weights, const QuantParams& params,
                        const WeightGroups& groups, const WeightScaling& scaling) {
  const auto values = weights.data<float>();
  std::vector<std::vector<float>> members(groups.count());
  for (std::size_t i = 0; i < values.size(); ++i) members[groups.group(i)].push_back(values[i]);
  Tensor result(DataType::kUint8, {static_cast<std::int64_t>(groups.outputs()),
                                   static_cast<std::int64_t>(groups.per_output())});
  const auto multiples = result.data<std::uint8_t>();
  for (std::size_t group = 0; group < members.size(); ++group) {
    const double scale = scale_of(params, group / groups.per_output());
    multiples[group] = static_cast<std::uint8_t>(scaling.clip == WeightScaling::Clip::kMse
                                                     ? least_error_multiple(members[group], scale)
                                                     : covering_multiple(members[group], scale));
  }
  return result;
}

Tensor group_steps(const Shape& weights, const QuantParams& params, const WeightGroups& groups,
                   const Tensor& multiples) {
  Tensor result(DataType::kFloat32, weights, BufferFill::kUndefined);
  const auto steps = result.data<float>();
  const auto multiple_of = multiples.data<std::uint8_t>();
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i] =
        static_cast<float>(multiple_of[groups.group(i)] * scale_of(params, groups.output(i)));
  return result;
}

Tensor round_in_groups(const Tensor& weights, const QuantParams& params, const WeightGroups& groups,
                       const Tensor& multiples) {
  Tensor result(DataType::kInt8, weights.shape(), BufferFill::kUndefined);
  const auto values = weights.data<float>();
  const auto levels = result.data<std::int8_t>();
  const auto multiple_of = multiples.data<std::uint8_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double multiple = multiple_of[groups.group(i)];
    const double step = multiple * scale_of(params, groups.output(i));
    levels[i] = static_cast<std::int8_t>(multiple * rounded(values[i], step));
  }
  return result;
}

std::vector<std::uint8_t> weight_multiples(const Graph& integer, const Node& layer) {
  const Value& weights = integer.value(layer.inputs[1]);
  const std::int64_t size = layer.attributes.integer(kWeightGroupSize, 0);
  const Tensor multiples = layer.attributes.get(kWeightMultiples, Tensor());
  if (size < 1 || multiples.type() != DataType::kUint8 || !weights.constant) return {};
  const WeightGroups groups(layer.op, layer.attributes, weights.shape, size);
  if (multiples.elements() != static_cast<std::int64_t>(groups.count())) return {};
  const auto values = multiples.data<std::uint8_t>();
  const auto makes_sense = [](std::uint8_t value) { return value >= 1 && value <= kMostMultiple; };
  if (!std::all_of(values.begin(), values.end(), makes_sense)) return {};
  std::vector<std::uint8_t> result(static_cast<std::size_t>(weights.constant->elements()));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = values[groups.group(i)];
  return result;
}

}  // namespace quant
