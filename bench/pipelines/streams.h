// SPDX-License-Identifier: MIT
// Several pipelines at once, a thread each.
#pragma once

#include <memory>
#include <vector>

#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant::bench {

struct StreamThroughput {
  int streams = 0;
  double frames_per_second = 0;  // of all together, median of the rounds
};

// Frames at network size. Every number of streams in `numbers` gets its turn in every round, for
// `frames` frames a stream.
Result<std::vector<StreamThroughput>> measure_streams(const std::shared_ptr<const Model>& model,
                                                      const std::vector<int>& numbers, int frames,
                                                      int rounds);

}  // namespace quant::bench
