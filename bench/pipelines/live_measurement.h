// SPDX-License-Identifier: MIT
// What quanttee costs behind a live source: throughput, and frames that come late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant::bench {

struct LiveOptions {
  int max_load_percent = 10;
  double block_seconds = 2;  // with and without quanttee take turns of that length
  int rounds = 3;
  bool one_core = false;  // all threads of the pipelines on one core: the reference cannot hide
};

struct Lateness {
  std::size_t frames = 0;
  double median = 0;  // from when the source had the frame until it has left, in frame times
  double p99 = 0;
  double worst = 0;
  std::size_t late = 0;  // frames more than one frame time behind the median without quanttee
};

struct LiveFigures {
  double throughput_loss = 0;  // of a source that is never waited for, 0…1; medians of the rounds
  double frame_time_ms = 0;    // of the paced source: twice what the pipeline needs
  Lateness without_tee, with_tee;
  std::uint64_t measured = 0;  // frames that the reference was run on, in all
};

// Frames at network size, one thread of the emulator and one of the reference.
Result<LiveFigures> measure_live(const std::shared_ptr<const Model>& model,
                                 const LiveOptions& options);

}  // namespace quant::bench
