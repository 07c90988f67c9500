// SPDX-License-Identifier: MIT
#include "pipelines/live_measurement.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "pipelines/side_by_side.h"

namespace quant::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

// Threads inherit the cores of the one that starts them: whatever is made while it lives stays on
// one.
class OneCore {
 public:
  explicit OneCore(bool wanted) {
    if (!wanted || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &before_)) continue;
      CPU_SET(cpu, &one);
      break;
    }
    changed_ = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~OneCore() {
    if (changed_) sched_setaffinity(0, sizeof before_, &before_);
  }
  OneCore(const OneCore&) = delete;
  OneCore& operator=(const OneCore&) = delete;

 private:
  cpu_set_t before_ = {};
  bool changed_ = false;
};

// Frames per second of a source that always has the next one.
Result<double> run_freely(PushPipeline& pipeline, double seconds) {
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  int frames = 0;
  while (Clock::now() < end) {
    QUANT_TRY(pipeline.push());
    ++frames;
  }
  return frames / std::chrono::duration<double>(Clock::now() - start).count();
}

// A source with a clock of its own: a frame is there every `frame_time`, whether the one before has
// left or not. Appends how long each took from then on.
Status run_paced(PushPipeline& pipeline, Milliseconds frame_time, double seconds,
                 std::vector<double>& delays_ms) {
  const auto start = Clock::now();
  const auto frames = static_cast<int>(1000 * seconds / frame_time.count());
  for (int frame = 0; frame < frames; ++frame) {
    const auto due = start + std::chrono::duration_cast<Clock::duration>(frame * frame_time);
    std::this_thread::sleep_until(due);
    QUANT_TRY(pipeline.push());
    delays_ms.push_back(Milliseconds(Clock::now() - due).count());
  }
  return {};
}

// `usual_ms`: of frames that nothing disturbs.
Lateness summarize(std::span<const double> delays_ms, double frame_time_ms, double usual_ms) {
  const TimingSummary summary = summarize_timings(delays_ms);
  Lateness result;
  result.frames = summary.count;
  result.median = summary.median_ms / frame_time_ms;
  result.p99 = summary.p99_ms / frame_time_ms;
  for (const double delay : delays_ms) {
    result.worst = std::max(result.worst, delay / frame_time_ms);
    if (delay > usual_ms + frame_time_ms) ++result.late;
  }
  return result;
}

}  // namespace

Result<LiveFigures> measure_live(const std::shared_ptr<const Model>& model,
                                 const LiveOptions& options) {
  const OneCore one_core(options.one_core);
  const FrameFormat format = network_format(*model);
  const std::string tee = fmt::format("quanttee name=tee max-load={}", options.max_load_percent);
  QUANT_TRY_ASSIGN(auto without, PushPipeline::make(elements_for(*model, 1), format, true));
  QUANT_TRY_ASSIGN(auto with, PushPipeline::make(elements_for(*model, 1, tee), format, true));
  QUANT_TRY(run_freely(*without, options.block_seconds / 4));
  // The reference is loaded with the first frame that is measured.
  QUANT_TRY(run_freely(*with, options.block_seconds));

  std::vector<double> free_without, free_with;
  for (int round = 0; round < options.rounds; ++round) {
    QUANT_TRY_ASSIGN(free_without.emplace_back(), run_freely(*without, options.block_seconds));
    QUANT_TRY_ASSIGN(free_with.emplace_back(), run_freely(*with, options.block_seconds));
  }
  LiveFigures figures;
  const double undisturbed = summarize_timings(free_without).median_ms;
  figures.throughput_loss = 1 - summarize_timings(free_with).median_ms / undisturbed;
  figures.frame_time_ms = 2000 / undisturbed;

  const Milliseconds frame_time(figures.frame_time_ms);
  std::vector<double> delays_without, delays_with;
  for (int round = 0; round < options.rounds; ++round) {
    QUANT_TRY(run_paced(*without, frame_time, options.block_seconds, delays_without));
    QUANT_TRY(run_paced(*with, frame_time, options.block_seconds, delays_with));
  }
  const double usual_ms = summarize_timings(delays_without).median_ms;
  figures.without_tee = summarize(delays_without, figures.frame_time_ms, usual_ms);
  figures.with_tee = summarize(delays_with, figures.frame_time_ms, usual_ms);
  figures.measured = with->measured_frames();
  return figures;
}

}  // namespace quant::bench
