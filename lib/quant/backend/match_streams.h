// SPDX-License-Identifier: MIT
// Which of a device's streams is which output of the model: the vendor's compiler gives them names
// of its own.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/base/result.h"

namespace quant {

// What is known of a stream wherever it comes from.
struct StreamShape {
  std::string name;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t channels = 1;
};

// How a tensor of the model lies over pixels and channels: (1, C, H, W) as it says, (1, C, L) as
// one row, (1, C) and what has no batch or more dimensions as channels of one pixel.
StreamShape stream_shape(const TensorInfo& tensor);

// For each output the index of its stream. By name: equal, or equal behind the stream's last slash
// ("net/heat"). Those that are left by size, where one output and one stream only have that size;
// of outputs that are not (1, C, H, W) only the number of elements counts. There may be more
// streams than outputs. InvalidArgument listing both sides where an output finds none.
Result<std::vector<std::size_t>> match_streams(std::span<const TensorInfo> outputs,
                                               std::span<const StreamShape> streams);

}  // namespace quant
