// SPDX-License-Identifier: MIT
#include "quant/analyze/integer_weights.h"

#include <cmath>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/weight_groups.h"

namespace quant {

bool IntegerWeights::has(const Graph& integer, const Node& layer) {
  const bool weighted =
      layer.op == OpKind::kConv || layer.op == OpKind::kConvTranspose || layer.op == OpKind::kGemm;
  return weighted && layer.inputs.size() == 3 && integer.value(layer.inputs[1]).constant;
}

IntegerWeights::IntegerWeights(const Graph& integer, const Node& layer)
    : layer_(&layer),
      weights_(&integer.value(layer.inputs[1])),
      bias_(&integer.value(layer.inputs[2])),
      input_(&*integer.value(layer.inputs[0]).quant),
      outputs_(static_cast<std::size_t>(bias_->constant->elements())),
      multiples_(weight_multiples(integer, layer)) {
  const Shape& shape = weights_->shape;
  if (shape.size() == 4) kernel_ = static_cast<std::size_t>(shape[2] * shape[3]);
  inputs_ = static_cast<std::size_t>(shape[1]);
  group_outputs_ = outputs_ / static_cast<std::size_t>(layer.attributes.integer("group", 1));
}

std::size_t IntegerWeights::elements() const {
  return static_cast<std::size_t>(weights_->constant->elements());
}

double IntegerWeights::level(std::size_t index) const {
  if (weights_->constant->type() == DataType::kInt16)
    return weights_->constant->data<std::int16_t>()[index];
  return weights_->constant->data<std::int8_t>()[index];
}

std::size_t IntegerWeights::input_channel(std::size_t index) const {
  const std::size_t output = index / (inputs_ * kernel_);
  return output / group_outputs_ * inputs_ + index / kernel_ % inputs_;
}

std::size_t IntegerWeights::output_channel(std::size_t index) const {
  return layer_->op == OpKind::kConvTranspose ? index / kernel_ % inputs_
                                              : index / (inputs_ * kernel_);
}

double IntegerWeights::step(std::size_t output) const {
  const std::vector<float>& scale = weights_->quant->scale;
  return scale[scale.size() == 1 ? 0 : output];
}

double IntegerWeights::step_of(std::size_t index) const {
  return step(output_channel(index)) * (multiples_.empty() ? 1 : multiples_[index]);
}

double IntegerWeights::input_scale(std::size_t index) const {
  if (input_->is_plain()) return 1;
  return input_->scale[input_->per_channel() ? input_channel(index) : 0];
}

double IntegerWeights::largest() const {
  if (weights_->constant->type() == DataType::kInt16) return 32767;
  if (!multiples_.empty()) return 7 * kMostMultiple;
  return layer_->attributes.integer(kWeightBits, 8) == 4 ? 7 : 127;
}

std::vector<float> IntegerWeights::weights() const {
  std::vector<float> real(elements());
  for (std::size_t i = 0; i < real.size(); ++i)
    real[i] = static_cast<float>(level(i) * step(output_channel(i)) / input_scale(i));
  return real;
}

std::vector<double> IntegerWeights::bias() const {
  std::vector<double> real(outputs_);
  for (std::size_t o = 0; o < outputs_; ++o) {
    real[o] = bias_->constant->type() == DataType::kInt64
                  ? static_cast<double>(bias_->constant->data<std::int64_t>()[o])
                  : bias_->constant->data<std::int32_t>()[o];
  }
  if (!input_->is_plain()) {
    // The kernel subtracts rounded zero points; what rounding left is in the bias.
    for (std::size_t i = 0; i < elements(); ++i) {
      const double zero = input_->zero_point[input_->per_channel() ? input_channel(i) : 0];
      real[output_channel(i)] -= level(i) * (std::nearbyint(zero) - zero);
    }
  }
  const double input_scale = input_->is_plain() ? input_->scale[0] : 1.0;
  for (std::size_t o = 0; o < outputs_; ++o) real[o] *= input_scale * step(o);
  return real;
}

}  // namespace quant
