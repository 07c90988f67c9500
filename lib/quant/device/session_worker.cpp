// SPDX-License-Identifier: MIT
// The part of a session's inside that calls the device.
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "quant/device/session_core.h"

namespace quant {
namespace {

// So long a call waits for room before it looks whether it still should.
constexpr std::chrono::milliseconds kSlice{20};
constexpr float kCooledBy = 5;

bool same_stream(const DeviceStream& a, const DeviceStream& b) {
  return a.name == b.name && a.layout == b.layout && a.frame_bytes == b.frame_bytes;
}

bool same_streams(const std::vector<DeviceStream>& a, const std::vector<DeviceStream>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_stream);
}

DeviceResult<void> check_streams(const std::vector<DeviceStream>& streams) {
  for (const DeviceStream& stream : streams) {
    if (!stream.is_affine) continue;
    const Status valid = check_layout(stream.layout);
    if (valid && stream.frame_bytes >= byte_count(stream.layout)) continue;
    return device_fail(
        DeviceFault::kInvalidModel,
        fmt::format("{} is {} in {} bytes{}{}", stream.name, to_string(stream.layout),
                    stream.frame_bytes, valid ? "" : ": ", valid ? "" : valid.error().message));
  }
  return {};
}

}  // namespace

template <typename Call>
auto SessionCore::call_device(Lock& lock, const char* name, std::chrono::milliseconds bound,
                              Call call) {
  call_name_ = name;
  call_deadline_ = SessionClock::now() + bound;
  lock.unlock();
  auto result = call();
  lock.lock();
  call_deadline_ = SessionClock::time_point::max();
  return result;
}

void SessionCore::open_device(Lock& lock) {
  auto opened = call_device(lock, "opening it", options_.open_timeout,
                            [&] { return driver_->open(options_.device); });
  if (!opened) {
    raise(std::move(opened).error());
    return;
  }
  device_ = std::move(*opened);
  if (const auto adopted = adopt(*device_); !adopted) {
    ++stats_.faults[static_cast<std::size_t>(adopted.error().fault)];
    lose(adopted.error());
    return;
  }
  open_ = true;
  if (options_.health_interval.count() > 0) next_health_ = SessionClock::now();
  changed_.notify_all();
}

DeviceResult<void> SessionCore::adopt(const Device& device) {
  if (open_) {
    if (same_streams(device.inputs(), inputs_) && same_streams(device.outputs(), outputs_)) {
      return {};
    }
    return device_fail(DeviceFault::kOther, "the network came back with other streams");
  }
  if (auto valid = check_streams(device.inputs()); !valid) return valid;
  if (auto valid = check_streams(device.outputs()); !valid) return valid;
  info_ = device.info();
  inputs_ = device.inputs();
  outputs_ = device.outputs();
  queue_size_ = options_.queue_size > 0 ? options_.queue_size : std::max(device.queue_size(), 1);
  const int together = std::max(options_.device.batch_size, options_.device.scheduler_threshold);
  if (queue_size_ < together) {
    return device_fail(DeviceFault::kInvalidUse,
                       fmt::format("{} frames on their way at once, but the device waits for {}: "
                                   "a longer queue, or a smaller batch",
                                   queue_size_, together));
  }
  std::vector<std::size_t> sizes;
  for (const DeviceStream& output : outputs_) sizes.push_back(output.frame_bytes);
  memory_ = OutputPool::create(std::move(sizes));
  return {};
}

void SessionCore::close_device(Lock& lock) {
  if (!device_) return;
  abandon_jobs();
  // Its outcome changes nothing: after it the device can only be destroyed.
  call_device(lock, "shutting it down", options_.patience(), [&] {
    static_cast<void>(device_->shut_down(options_.timeout));
    device_.reset();
    return 0;
  });
  next_health_ = SessionClock::time_point::max();
}

DeviceResult<void> SessionCore::wait_for_room(Lock& lock) {
  const auto deadline = SessionClock::now() + options_.timeout;
  while (true) {
    auto ready = call_device(lock, "waiting for room", options_.patience(), [&] {
      return device_->wait_ready(std::min(kSlice, options_.timeout));
    });
    if (ready || ready.error().fault != DeviceFault::kTimeout) return ready;
    if (stopping_ || lost_ || fault_ || find_overdue() || SessionClock::now() >= deadline) {
      return ready;
    }
  }
}

void SessionCore::start_next(Lock& lock, const std::shared_ptr<SessionFrame>& frame) {
  std::shared_ptr<SessionJob> job;
  try {
    job = std::make_shared<SessionJob>(shared_from_this(), frame, memory_->take());
  } catch (const std::bad_alloc&) {
    raise({DeviceFault::kOutOfMemory, 0, "no memory for a frame's outputs"});
    return;
  }
  DeviceResult<void> started = wait_for_room(lock);
  if (stopping_ || lost_ || fault_ || frame->dropped) return;
  if (started) {
    // In flight before its start: the answer may come before start() returns.
    ++frame->attempts;
    frame->running = true;
    job->deadline_ = SessionClock::now() + options_.timeout;
    in_flight_.push_back(job);
    started = call_device(lock, "starting a frame", options_.patience(),
                          [&] { return device_->start(job); });
    if (started) return;
    std::erase(in_flight_, job);
    // An answer nevertheless, from a device that is not sound, counts for nothing.
    job->abandoned_ = true;
    if (!job->answered_) frame->running = false;
  } else {
    ++frame->attempts;
  }
  const DeviceError& error = started.error();
  const bool no_room =
      error.fault == DeviceFault::kQueueFull || error.fault == DeviceFault::kUnavailable;
  if (no_room) {
    --frame->attempts;
  } else if (!frame->answer) {
    attempt_failed(*frame, error);
  }
  raise(error);
}

void SessionCore::recover(Lock& lock) {
  const DeviceError error = *std::exchange(fault_, std::nullopt);
  const Recovery::Step step = recovery_.next(error.fault);
  if (step.cure == Cure::kNone) {
    lose(error);
    return;
  }
  pause(lock, step.pause);
  if (stopping_ || lost_) return;
  cure(lock, step.cure, error);
}

void SessionCore::cure(Lock& lock, Cure cure, const DeviceError& fault) {
  if (cure == Cure::kTryAgain) {
    ++stats_.retries;
    if (!device_) open_device(lock);
    return;
  }
  abandon_jobs();
  fault_.reset();
  if (cure == Cure::kReconfigure && device_) {
    ++stats_.reconfigured;
    const auto configured = call_device(lock, "configuring the network anew", options_.open_timeout,
                                        [&] { return device_->reconfigure(options_.timeout); });
    if (!configured) {
      raise(configured.error());
      return;
    }
    remember({SessionEvent::Kind::kReconfigured, health_, fault});
    return;
  }
  ++stats_.reopened;
  close_device(lock);
  if (stopping_ || lost_) return;
  open_device(lock);
  if (device_) remember({SessionEvent::Kind::kReopened, health_, fault});
}

void SessionCore::pause(Lock& lock, std::chrono::milliseconds duration) {
  const auto end = SessionClock::now() + duration;
  while (!stopping_ && !lost_ && SessionClock::now() < end) changed_.wait_until(lock, end);
}

void SessionCore::look_at_health(Lock& lock) {
  const auto health = call_device(lock, "measuring its temperature", options_.patience(),
                                  [&] { return device_->health(); });
  next_health_ = SessionClock::now() + options_.health_interval;
  if (!health) {
    health_ = {};
    if (health.error().fault == DeviceFault::kDisconnected) raise(health.error());
    return;
  }
  health_ = *health;
  if (!health_.temperature_c) return;
  if (!hot_ && *health_.temperature_c >= options_.hot_c) {
    hot_ = true;
    remember({SessionEvent::Kind::kHot, health_, {}});
  } else if (hot_ && *health_.temperature_c < options_.hot_c - kCooledBy) {
    hot_ = false;
    remember({SessionEvent::Kind::kCooled, health_, {}});
  }
}

}  // namespace quant
