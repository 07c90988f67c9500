// SPDX-License-Identifier: MIT
// A PreparedNode made from a lambda: for operators whose state is what the lambda captures.
#pragma once

#include <memory>
#include <utility>

#include "quant/graph/operator.h"

namespace quant {

template <typename Run>
class PreparedFunction final : public PreparedNode {
 public:
  explicit PreparedFunction(Run run) : run_(std::move(run)) {}
  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    return run_(inputs, outputs);
  }

 private:
  Run run_;
};

// `run` has PreparedNode::run's signature.
template <typename Run>
std::unique_ptr<PreparedNode> prepared_function(Run run) {
  return std::make_unique<PreparedFunction<Run>>(std::move(run));
}

}  // namespace quant
