// SPDX-License-Identifier: MIT
// How the frame enters a model that quantizes its input itself: every pixel value becomes the very
// integer that the model makes of it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

struct FrameTables {
  std::vector<std::size_t> nodes;  // between the frame and `value`, the normalization first
  ValueId value = kNoValue;        // has parameters of its own (Value::quant), maybe one a channel
  // 256 integers of these parameters' type for every channel, computed in float32 by the operators
  // that `nodes` are.
  std::vector<Tensor> tables;

  // The frame's bytes are these integers already.
  bool identity() const;
};

// Nothing where the model does not quantize what it computes of single pixels, or where something
// else reads the frame too. Errors of the operators.
Result<std::optional<FrameTables>> frame_tables(const Graph& graph, const std::vector<bool>& host);

}  // namespace quant
