// SPDX-License-Identifier: MIT
// The open fake device: a thread that answers jobs, in time or not.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "quant/device/fake_driver.h"
#include "quant/device/fake_memory.h"

namespace quant {

// Faults and counts of one driver, over all its openings. Thread-safe.
class FakeFate {
 public:
  explicit FakeFate(const FakeOptions& options) : options_(options) {}

  const FakeOptions& options() const { return options_; }
  // The frame to come: its number and what is to go wrong with it, if anything.
  struct Run {
    int number = 0;
    std::optional<FakeFault> fault;
    bool is(FakeFault::Kind kind) const { return fault && fault->kind == kind; }
  };
  Run next_run();
  std::optional<FakeFault> next_opening();
  std::optional<FakeFault> next_configuration();
  // Of the frame that ran last.
  bool is_hot() const;

 private:
  std::optional<FakeFault> planned(int at, bool (*fits)(FakeFault::Kind)) const;
  FakeRandom random_for(int at, std::uint64_t purpose) const;

  const FakeOptions options_;
  std::atomic<int> runs_ = 0;
  std::atomic<int> openings_ = 0;
  std::atomic<int> configurations_ = 0;
};

// Streams of the network as they lie on the fake device.
std::vector<DeviceStream> fake_outputs(const FakeNetwork& network, const FakeOptions& options);
std::vector<DeviceStream> fake_inputs(const FakeNetwork& network, const FakeOptions& options);

class FakeDevice : public Device {
 public:
  // `claim` is held as long as the device is: whoever else wants it finds it busy.
  FakeDevice(std::shared_ptr<FakeFate> fate, FakeNetwork network, DeviceInfo info,
             std::shared_ptr<const void> claim);
  ~FakeDevice() override;

  const DeviceInfo& info() const override { return info_; }
  const std::vector<DeviceStream>& inputs() const override { return inputs_; }
  const std::vector<DeviceStream>& outputs() const override { return outputs_; }
  int queue_size() const override { return options_.queue_size; }
  DeviceResult<void> wait_ready(std::chrono::milliseconds timeout) override;
  DeviceResult<void> start(std::shared_ptr<DeviceJob> job) override;
  DeviceResult<void> reconfigure(std::chrono::milliseconds timeout) override;
  DeviceResult<DeviceHealth> health() override;
  DeviceResult<void> shut_down(std::chrono::milliseconds timeout) override;

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  struct Task {
    std::shared_ptr<DeviceJob> job;
    FakeFate::Run run;
    Clock::time_point due = Clock::time_point::min();
    bool again = false;  // computed and answered already
  };

  void work();
  void carry_out(Lock& lock, Task task);
  std::optional<DeviceError> compute(const Task& task);
  std::optional<DeviceError> compute_unlocked(Lock& lock, const Task& task);
  void answer(Lock& lock, const Task& task, std::optional<DeviceError> error);
  // Lets go of all jobs, which get kAborted.
  void abort_all(Lock& lock);

  const std::shared_ptr<FakeFate> fate_;
  const FakeOptions& options_;
  const FakeNetwork network_;
  const DeviceInfo info_;
  const std::shared_ptr<const void> claim_;
  const std::vector<DeviceStream> inputs_;
  const std::vector<DeviceStream> outputs_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;                        // in the order of their starts
  std::vector<Task> later_;                       // delayed on purpose
  std::vector<std::shared_ptr<DeviceJob>> held_;  // never to be answered
  bool busy_ = false;
  bool stuck_ = false;   // until the network is configured anew
  bool closed_ = false;  // until the device is opened anew
  bool hangs_at_stop_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace quant
