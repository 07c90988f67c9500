// SPDX-License-Identifier: MIT
// The inside of a DeviceSession, which outlives it where a device hangs: frames, what is in flight,
// and the thread that drives the device.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "quant/device/output_pool.h"
#include "quant/device/session_types.h"
#include "quant/tensor/tensor.h"

namespace quant {

using SessionClock = std::chrono::steady_clock;

// Inputs never change; the rest is guarded by the core's mutex.
struct SessionFrame {
  std::vector<Tensor> inputs;
  std::vector<std::span<const std::byte>> input_bytes;
  int attempts = 0;
  bool running = false;
  bool dropped = false;
  std::optional<DeviceResult<std::vector<Tensor>>> answer;
};

class SessionJob;

class SessionCore : public std::enable_shared_from_this<SessionCore> {
 public:
  SessionCore(std::shared_ptr<DeviceDriver> driver, const SessionOptions& options);

  // The worker's thread: opens the device, drives it, closes it.
  void run();

  // For DeviceSession, as documented there.
  DeviceResult<void> wait_until_open();
  DeviceResult<void> submit(std::vector<Tensor> inputs);
  DeviceResult<std::vector<Tensor>> next();
  int pending() const;
  void flush();
  // Whether run() has come to its end in time.
  bool stop();
  std::optional<DeviceError> lost() const;
  SessionStats stats() const;
  DeviceHealth health() const;
  std::vector<SessionEvent> take_events();
  // Constant once wait_until_open has succeeded.
  const DeviceInfo& info() const { return info_; }
  const std::vector<DeviceStream>& inputs() const { return inputs_; }
  const std::vector<DeviceStream>& outputs() const { return outputs_; }
  int queue_size() const { return queue_size_; }

  // A job's answer, on the device's thread.
  void done(SessionJob& job, std::optional<DeviceError> error);

 private:
  using Lock = std::unique_lock<std::mutex>;

  // All of the following with the lock held, which calls to the device let go of. `name` is for the
  // message where the device does not return from it.
  template <typename Call>
  auto call_device(Lock& lock, const char* name, std::chrono::milliseconds bound, Call call);
  void open_device(Lock& lock);
  DeviceResult<void> adopt(const Device& device);
  void close_device(Lock& lock);
  void start_next(Lock& lock, const std::shared_ptr<SessionFrame>& frame);
  DeviceResult<void> wait_for_room(Lock& lock);
  void recover(Lock& lock);
  void cure(Lock& lock, Cure cure, const DeviceError& fault);
  void pause(Lock& lock, std::chrono::milliseconds duration);
  void look_at_health(Lock& lock);
  bool find_overdue();
  std::shared_ptr<SessionFrame> next_waiting() const;
  SessionClock::time_point next_deadline() const;
  void abandon_jobs();
  // The start of a frame failed: once more, or its answer is `error`.
  void attempt_failed(SessionFrame& frame, const DeviceError& error);
  // A fault that recover() will see to.
  void raise(DeviceError error);
  void lose(DeviceError error);
  void drop_frames();
  // Waits for a change; loses a device that does not return from a call.
  void wait_watching(Lock& lock);
  void remember(SessionEvent event);

  const std::shared_ptr<DeviceDriver> driver_;
  const SessionOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Device> device_;  // the worker's, without the lock too
  DeviceInfo info_;
  std::vector<DeviceStream> inputs_;
  std::vector<DeviceStream> outputs_;
  std::shared_ptr<OutputPool> memory_;
  int queue_size_ = 0;

  std::deque<std::shared_ptr<SessionFrame>> frames_;  // without an answer taken, oldest first
  std::vector<std::shared_ptr<SessionJob>> in_flight_;
  std::optional<DeviceError> fault_;  // to be recovered from
  std::optional<DeviceError> lost_;
  Recovery recovery_;
  bool open_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  const char* call_name_ = nullptr;
  SessionClock::time_point call_deadline_ = SessionClock::time_point::max();
  SessionClock::time_point next_health_ = SessionClock::time_point::max();
  bool hot_ = false;
  DeviceHealth health_;
  SessionStats stats_;
  std::vector<SessionEvent> events_;
};

// One start of one frame.
class SessionJob : public DeviceJob {
 public:
  SessionJob(std::shared_ptr<SessionCore> core, std::shared_ptr<SessionFrame> frame,
             std::shared_ptr<const OutputBlock> memory)
      : core_(std::move(core)), frame_(std::move(frame)), memory_(std::move(memory)) {}

  std::span<const std::span<const std::byte>> inputs() const override {
    return frame_->input_bytes;
  }
  std::span<const std::span<std::byte>> outputs() const override { return memory_->outputs(); }
  void done(std::optional<DeviceError> error) override { core_->done(*this, std::move(error)); }

 private:
  friend class SessionCore;
  const std::shared_ptr<SessionCore> core_;
  const std::shared_ptr<SessionFrame> frame_;
  const std::shared_ptr<const OutputBlock> memory_;
  // The core's mutex.
  SessionClock::time_point deadline_ = SessionClock::time_point::max();
  bool answered_ = false;
  bool abandoned_ = false;
};

}  // namespace quant
