// SPDX-License-Identifier: MIT
#include "quant/device/session_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace quant {

SessionCore::SessionCore(std::shared_ptr<DeviceDriver> driver, const SessionOptions& options)
    : driver_(std::move(driver)), options_(options), recovery_(options.recovery) {}

void SessionCore::run() {
  Lock lock(mutex_);
  open_device(lock);
  while (!stopping_ && !lost_) {
    if (fault_) {
      recover(lock);
      continue;
    }
    if (find_overdue()) continue;
    if (next_health_ <= SessionClock::now()) {
      look_at_health(lock);
      continue;
    }
    if (const auto frame = next_waiting()) {
      start_next(lock, frame);
      continue;
    }
    const auto deadline = next_deadline();
    if (deadline == SessionClock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, deadline);
    }
  }
  close_device(lock);
  ended_ = true;
  changed_.notify_all();
}

DeviceResult<void> SessionCore::wait_until_open() {
  Lock lock(mutex_);
  while (!open_ && !lost_) wait_watching(lock);
  if (lost_) return tl::unexpected<DeviceError>(*lost_);
  return {};
}

DeviceResult<void> SessionCore::submit(std::vector<Tensor> inputs) {
  auto frame = std::make_shared<SessionFrame>();
  if (inputs.size() != inputs_.size()) {
    return device_fail(DeviceFault::kInvalidUse, fmt::format("{} inputs where the network has {}",
                                                             inputs.size(), inputs_.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].bytes() != inputs_[i].frame_bytes) {
      return device_fail(DeviceFault::kInvalidUse,
                         fmt::format("{} bytes for input {}, which takes {}", inputs[i].bytes(),
                                     inputs_[i].name, inputs_[i].frame_bytes));
    }
    frame->input_bytes.emplace_back(inputs[i].raw(), inputs[i].bytes());
  }
  frame->inputs = std::move(inputs);
  const std::lock_guard lock(mutex_);
  if (lost_) return tl::unexpected<DeviceError>(*lost_);
  if (stopping_) return device_fail(DeviceFault::kAborted, "the device is shut down");
  if (frames_.size() >= static_cast<std::size_t>(queue_size_)) {
    return device_fail(DeviceFault::kQueueFull,
                       fmt::format("{} frames are on their way already", frames_.size()));
  }
  frames_.push_back(std::move(frame));
  ++stats_.submitted;
  changed_.notify_all();
  return {};
}

DeviceResult<std::vector<Tensor>> SessionCore::next() {
  Lock lock(mutex_);
  if (frames_.empty()) return device_fail(DeviceFault::kInvalidUse, "no frame is on its way");
  const std::shared_ptr<SessionFrame> frame = frames_.front();
  while (!frame->answer && !frame->dropped) {
    wait_watching(lock);
  }
  if (frame->dropped) return device_fail(DeviceFault::kAborted, "the frame was dropped");
  frames_.pop_front();
  return std::move(*frame->answer);
}

int SessionCore::pending() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(frames_.size());
}

void SessionCore::flush() {
  const std::lock_guard lock(mutex_);
  drop_frames();
  changed_.notify_all();
}

bool SessionCore::stop() {
  Lock lock(mutex_);
  stopping_ = true;
  drop_frames();
  changed_.notify_all();
  const auto deadline = SessionClock::now() + options_.patience();
  while (!ended_ && SessionClock::now() < deadline) changed_.wait_until(lock, deadline);
  if (!ended_) {
    stats_.hanging = true;
    abandon_jobs();
  }
  return ended_;
}

std::optional<DeviceError> SessionCore::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

SessionStats SessionCore::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

DeviceHealth SessionCore::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

std::vector<SessionEvent> SessionCore::take_events() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

void SessionCore::done(SessionJob& job, std::optional<DeviceError> error) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(job.answered_, true)) {
    ++stats_.repeated;
    return;
  }
  if (job.abandoned_) {
    if (!error) ++stats_.late;
    return;
  }
  std::erase_if(in_flight_, [&](const auto& other) { return other.get() == &job; });
  SessionFrame& frame = *job.frame_;
  frame.running = false;
  if (error) {
    attempt_failed(frame, *error);
    raise(std::move(*error));
  } else {
    recovery_.succeeded();
    if (!frame.dropped) {
      std::vector<Tensor> outputs;
      const auto memory = job.memory_->outputs();
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        const DataType type = outputs_[i].layout.type;
        outputs.push_back(
            Tensor::wrap(type, {static_cast<std::int64_t>(memory[i].size() / size_of(type))},
                         memory[i].data(), job.memory_));
      }
      frame.answer = std::move(outputs);
      ++stats_.completed;
    }
  }
  changed_.notify_all();
}

std::shared_ptr<SessionFrame> SessionCore::next_waiting() const {
  if (in_flight_.size() >= static_cast<std::size_t>(queue_size_)) return nullptr;
  for (const auto& frame : frames_) {
    if (!frame->running && !frame->answer) return frame;
  }
  return nullptr;
}

SessionClock::time_point SessionCore::next_deadline() const {
  auto deadline = next_health_;
  for (const auto& job : in_flight_) deadline = std::min(deadline, job->deadline_);
  return deadline;
}

bool SessionCore::find_overdue() {
  const auto now = SessionClock::now();
  for (const auto& job : in_flight_) {
    if (job->deadline_ > now) continue;
    DeviceError error{DeviceFault::kTimeout, 0,
                      fmt::format("no answer to a frame within {} ms", options_.timeout.count())};
    // Its neighbours are not to blame: abandoning them is no attempt of theirs.
    const std::shared_ptr<SessionJob> overdue = job;
    overdue->abandoned_ = true;
    ++stats_.abandoned;
    overdue->frame_->running = false;
    std::erase(in_flight_, overdue);
    attempt_failed(*overdue->frame_, error);
    raise(std::move(error));
    return true;
  }
  return false;
}

void SessionCore::raise(DeviceError error) {
  ++stats_.faults[static_cast<std::size_t>(error.fault)];
  if (!fault_) fault_ = std::move(error);
}

void SessionCore::attempt_failed(SessionFrame& frame, const DeviceError& error) {
  if (frame.dropped || frame.attempts < options_.frame_attempts) return;
  frame.answer = tl::unexpected<DeviceError>(error);
  ++stats_.failed;
  changed_.notify_all();
}

void SessionCore::abandon_jobs() {
  for (const auto& job : in_flight_) {
    job->abandoned_ = true;
    ++stats_.abandoned;
    job->frame_->running = false;
    --job->frame_->attempts;
  }
  in_flight_.clear();
}

void SessionCore::lose(DeviceError error) {
  if (lost_) return;
  lost_ = std::move(error);
  abandon_jobs();
  for (const auto& frame : frames_) {
    if (frame->answer) continue;
    frame->answer = tl::unexpected<DeviceError>(*lost_);
    ++stats_.failed;
  }
  changed_.notify_all();
}

void SessionCore::drop_frames() {
  stats_.dropped += frames_.size();
  for (const auto& frame : frames_) {
    frame->dropped = true;
    // Not lost as well: it was computed, and is counted once.
    if (frame->answer) (*frame->answer ? stats_.completed : stats_.failed)--;
  }
  frames_.clear();
}

void SessionCore::wait_watching(Lock& lock) {
  // Looking now and then costs less than being told of every call.
  constexpr std::chrono::milliseconds kLook{100};
  changed_.wait_until(lock, SessionClock::now() + std::min(kLook, options_.timeout));
  if (call_deadline_ > SessionClock::now()) return;
  stats_.hanging = true;
  ++stats_.faults[static_cast<std::size_t>(DeviceFault::kTimeout)];
  lose({DeviceFault::kTimeout, 0,
        fmt::format("the device does not return from {}; it may need a reset, or the computer a "
                    "restart",
                    call_name_)});
}

void SessionCore::remember(SessionEvent event) {
  // Nobody who does not ask needs to be told of more.
  constexpr std::size_t kMost = 32;
  if (events_.size() < kMost) events_.push_back(std::move(event));
}

}  // namespace quant
