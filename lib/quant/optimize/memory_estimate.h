// SPDX-License-Identifier: MIT
// What the steps of an optimization need of memory, known from the graph and the set before any of
// them runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/available_memory.h"
#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

// What is going to run, and on how many frames.
struct MemoryWork {
  std::int64_t frames = 0;  // of the set; 0: unknown
  bool searches = false;    // tries things on a few frames: ranges, precision, compression
  bool bias_correction = false;
  bool finetuning = false;
  std::int64_t rounding_frames = 0;  // at most, of rounding by the Hessian; 0: none
  int threads = 1;
};

// The most that one step holds at once, beside what the process has before all of them.
struct MemoryNeed {
  std::string step;               // as the optimizer's progress names it
  std::uint64_t bytes = 0;        // the frames included
  std::uint64_t frame_bytes = 0;  // of each frame of the set, where it holds all of them; else 0
};

// In the order of the work. Counted: activations of one frame, weights and their packed copies,
// histograms, frames, moments of what layers read; in fine-tuning the activations that gradients
// need and the optimizer's state. `graph` is the fp-optimized one; values whose shape data decides
// do not count. Good to about a third (docs/levels.md).
std::vector<MemoryNeed> estimate_memory(const Graph& graph, const MemoryWork& work);

// OutOfRange where a step needs more than is available: the message has both numbers, the step, how
// many frames would fit, and what else helps. `frames` as in MemoryWork.
Status check_memory(const std::vector<MemoryNeed>& needs, std::int64_t frames,
                    const AvailableMemory& available);

}  // namespace quant
