// SPDX-License-Identifier: MIT
#include "quant/optimize/adam.h"

#include <cmath>

namespace quant::tuning {

Adam::Adam(std::vector<Parameter>& parameters) : parameters_(parameters) {
  for (const Parameter& parameter : parameters) {
    first_.push_back(at::zeros_like(parameter.value));
    second_.push_back(at::zeros_like(parameter.value));
  }
}

void Adam::step(const std::function<double(ParameterKind)>& rate) {
  const at::NoGradGuard no_gradient;
  constexpr double kFirst = 0.9;
  constexpr double kSecond = 0.99;
  constexpr double kLeastDeviation = 1e-12;
  ++count_;
  const double first_bias = 1 - std::pow(kFirst, count_);
  const double second_bias = 1 - std::pow(kSecond, count_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = parameters_[i];
    at::Tensor& gradient = parameter.value.mutable_grad();
    if (!gradient.defined()) continue;
    const at::Tensor unitless = gradient * parameter.unit;
    first_[i].mul_(kFirst).add_(unitless, 1 - kFirst);
    second_[i].mul_(kSecond).addcmul_(unitless, unitless, 1 - kSecond);
    const at::Tensor deviation = (second_[i] / second_bias).sqrt().add_(kLeastDeviation);
    parameter.value.addcdiv_(first_[i], deviation,
                             -rate(parameter.kind) * parameter.unit / first_bias);
    gradient.zero_();
  }
}

std::vector<at::Tensor> Adam::state() const {
  std::vector<at::Tensor> result = first_;
  result.insert(result.end(), second_.begin(), second_.end());
  result.push_back(at::scalar_tensor(static_cast<float>(count_)));
  return result;
}

void Adam::restore(const std::vector<at::Tensor>& state) {
  const at::NoGradGuard no_gradient;
  for (std::size_t i = 0; i < first_.size(); ++i) {
    first_[i].copy_(state[i]);
    second_[i].copy_(state[first_.size() + i]);
  }
  count_ = static_cast<std::int64_t>(state.back().item<float>());
}

}  // namespace quant::tuning
