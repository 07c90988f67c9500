// SPDX-License-Identifier: MIT
// Drives one network on a device: several frames on their way, answers in the order of the frames
// whatever the order in which the device finishes them, every wait bounded, faults cured where that
// can be. A frame whose start failed is started again from its own input; one that cannot be helped
// gets an error, never bytes.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "quant/device/session_types.h"
#include "quant/tensor/tensor.h"

namespace quant {

class SessionCore;

// One thread submits, one takes answers; everything else on any thread. A thread of the session's
// own does all that concerns the device, so that a device that hangs holds up nobody.
class DeviceSession {
 public:
  // Opens the device and configures the network. `driver` lives as long as the process or is owned.
  // The driver's own error, and InvalidUse where the options contradict each other. Bounded by
  // open_timeout for each attempt.
  static DeviceResult<std::unique_ptr<DeviceSession>> open(std::shared_ptr<DeviceDriver> driver,
                                                           const SessionOptions& options);
  // shut_down.
  ~DeviceSession();
  DeviceSession(const DeviceSession&) = delete;
  DeviceSession& operator=(const DeviceSession&) = delete;

  // As the device was at first; the streams do not change.
  const DeviceInfo& info() const;
  const std::vector<DeviceStream>& inputs() const;
  const std::vector<DeviceStream>& outputs() const;
  // Frames that may be on their way.
  int queue_size() const;

  // Takes a frame: one tensor for each of inputs(), frame_bytes each and dense (else InvalidUse),
  // which nobody writes to any more. Does not wait: QueueFull where queue_size() frames have no
  // answer taken yet, the last error where the device is lost, Aborted after shut_down.
  DeviceResult<void> submit(std::vector<Tensor> inputs);
  // The answer to the oldest frame, waited for. Tensors of one dimension: the memory of outputs(),
  // padding included, in pages of the session's that come back when they are let go of. An error
  // where that frame failed, Aborted where it was flushed or shut down meanwhile, InvalidUse where
  // there is none.
  DeviceResult<std::vector<Tensor>> next();
  // Frames without an answer taken.
  int pending() const;

  // Forgets all frames without an answer taken; what the device computes for them nobody will see.
  void flush();
  // Stops the device and lets go of it, within options.patience(): where it hangs, it is left to
  // itself. Idempotent; a second call waits for the first.
  void shut_down();

  // Why the device is of no use any more; empty while it is.
  std::optional<DeviceError> lost() const;
  SessionStats stats() const;
  DeviceHealth health() const;  // as last measured
  // What has happened since the last call, oldest first.
  std::vector<SessionEvent> take_events();

 private:
  explicit DeviceSession(std::shared_ptr<SessionCore> core);

  std::shared_ptr<SessionCore> core_;
  std::mutex shutting_down_;
  std::thread worker_;  // shutting_down_
};

}  // namespace quant
