// SPDX-License-Identifier: MIT
// Whether the same frame gets the same answer every time. Chips that run a network in several parts
// need not; it is a property apart from how far the answer lies from the reference.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// One output, over all frames.
struct OutputRepeatability {
  std::string name;                 // ONNX name
  std::int64_t runs = 0;            // beyond the first of each frame
  std::int64_t differing_runs = 0;  // of these
  std::int64_t elements = 0;        // of all these runs
  std::int64_t differing_elements = 0;
  double max_abs = 0;  // greatest difference to the first run, in units of the output
  // In which anything differs (channel_layout.h); empty of labels and indices.
  std::set<std::int64_t> channels;
};

// One thread at a time.
class Repeatability {
 public:
  explicit Repeatability(const std::vector<TensorInfo>& outputs);

  // Another run of a frame against its first one. Elements that are NaN both times are the same.
  // InvalidArgument naming the output whose type or shape changed.
  Status add(std::span<const Tensor> first, std::span<const Tensor> again);

  const std::vector<OutputRepeatability>& outputs() const { return outputs_; }

 private:
  std::vector<OutputRepeatability> outputs_;
};

// "exact in 9 runs", or how many differ, where and by how much.
std::string to_text(const OutputRepeatability& output);
nlohmann::ordered_json to_json(const OutputRepeatability& output);

}  // namespace quant
