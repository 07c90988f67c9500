// SPDX-License-Identifier: MIT
// A thread that measures behind a live source: a bounded queue that drops its oldest frame, so that
// whoever fills it never waits.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "quanttee/snr_monitor.h"

namespace quant::element {

// Thread-safe.
class MeasurementWorker {
 public:
  // `still_wanted` turns false when a flush overtakes the measurement: then its result is dropped.
  using StillWanted = std::function<bool()>;
  using Measure = std::function<void(const Measurement&, const StillWanted& still_wanted)>;

  // `measure` is called from the worker's thread; it must not throw.
  MeasurementWorker(std::size_t capacity, Measure measure);
  // Drops what waits and joins.
  ~MeasurementWorker();
  MeasurementWorker(const MeasurementWorker&) = delete;
  MeasurementWorker& operator=(const MeasurementWorker&) = delete;

  // Returns how many waiting measurements were dropped to make room (0 or 1).
  std::size_t push(Measurement measurement);
  // Drops what waits and disowns what is under way; wakes drain(). Returns how many waited.
  std::size_t flush();
  // Waits until everything pushed has been measured, or a flush.
  void drain();

 private:
  void work();

  const std::size_t capacity_;
  const Measure measure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Measurement> waiting_;
  bool busy_ = false;
  bool stop_ = false;
  std::size_t flushes_ = 0;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace quant::element
