// SPDX-License-Identifier: MIT
// Adam (Kingma and Ba, arXiv:1412.6980) on parameters of unlike units. Includes torch: only sources
// of fine-tuning do.
#pragma once

#include <functional>
#include <vector>

#include "quant/optimize/twin.h"

namespace quant::tuning {

class Adam {
 public:
  // `parameters` outlive it.
  explicit Adam(std::vector<Parameter>& parameters);

  // Takes the gradients that the parameters have collected and clears them. The step of a parameter
  // is at most about rate(kind) of its unit.
  void step(const std::function<double(ParameterKind)>& rate);

  // Everything that another object needs to go on: two tensors a parameter, and the number of
  // steps.
  std::vector<at::Tensor> state() const;
  void restore(const std::vector<at::Tensor>& state);

 private:
  std::vector<Parameter>& parameters_;
  std::vector<at::Tensor> first_;  // moments
  std::vector<at::Tensor> second_;
  std::int64_t count_ = 0;
};

}  // namespace quant::tuning
