// SPDX-License-Identifier: MIT
// Number, type and shape of what a backend is given.
#include "quant/backend/check_inputs.h"

#include <fmt/format.h>

namespace quant {

Status check_inputs(std::span<const Tensor> inputs, const std::vector<TensorInfo>& expected) {
  if (inputs.size() != expected.size())
    return fail(ErrorCode::kInvalidArgument, fmt::format("the model takes {} inputs, {} were given",
                                                         expected.size(), inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& info = expected[i];
    if (inputs[i].type() != info.type || inputs[i].shape() != info.shape)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the model takes {} {}, {} {} was given", to_string(info.type),
                              to_string(info.shape), to_string(inputs[i].type()),
                              to_string(inputs[i].shape())),
                  fmt::format("input {}", info.name));
  }
  return {};
}

}  // namespace quant
