// SPDX-License-Identifier: MIT
// Pipelines beside the engine that runs in them: in one thread, taking turns frame by frame.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peers/race.h"
#include "pipelines/push_pipeline.h"
#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant::bench {

// The frame that needs no work: the network's own size and colours.
FrameFormat network_format(const Model& model);
// The elements that replace the engine, and the SNR behind them where `tee` is not empty.
std::string elements_for(const Model& model, int threads, const std::string& tee = {});

struct SideBySide {
  // "engine", "pipeline", then larger frames ("1280x720 NV12"), more threads ("pipeline-2t") and
  // what is done with outputs ("snr", "histogram"). Absent ones say why.
  std::vector<Standing> standings;
  // Of the pipeline at network size, one thread.
  std::vector<ElementTime> elements;
};

// `threads`: of "pipeline-2t"; below 2 there is none.
Result<SideBySide> measure_side_by_side(const std::shared_ptr<const Model>& model, int threads,
                                        const RaceOptions& options);

}  // namespace quant::bench
