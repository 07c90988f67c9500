// SPDX-License-Identifier: MIT
#include "quanttee/measurement_worker.h"

#include <utility>

#include "quanttee/background_thread.h"

namespace quant::element {

MeasurementWorker::MeasurementWorker(std::size_t capacity, Measure measure)
    : capacity_(capacity), measure_(std::move(measure)), thread_([this] { work(); }) {}

MeasurementWorker::~MeasurementWorker() {
  flush();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::size_t MeasurementWorker::push(Measurement measurement) {
  std::size_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    while (waiting_.size() >= capacity_) {
      waiting_.pop_front();
      ++dropped;
    }
    waiting_.push_back(std::move(measurement));
  }
  changed_.notify_all();
  return dropped;
}

std::size_t MeasurementWorker::flush() {
  std::size_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    dropped = waiting_.size();
    waiting_.clear();
    ++flushes_;
  }
  changed_.notify_all();
  return dropped;
}

void MeasurementWorker::drain() {
  std::unique_lock lock(mutex_);
  const std::size_t flushes = flushes_;
  changed_.wait(lock, [&] { return (waiting_.empty() && !busy_) || flushes_ != flushes; });
}

void MeasurementWorker::work() {
  // Threads that the reference starts inherit it.
  make_background_thread();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    const Measurement measurement = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    const std::size_t flushes = flushes_;
    lock.unlock();
    measure_(measurement, [&] {
      const std::lock_guard check(mutex_);
      return flushes_ == flushes;
    });
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace quant::element
