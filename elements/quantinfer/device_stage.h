// SPDX-License-Identifier: MIT
// Frames on a device: the sink pad's thread hands them in, the source pad's task waits for the
// answers, hangs them on their frames and pushes these in the order in which they came.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/device_runner.h"
#include "quantinfer/infer_settings.h"

namespace quant::element {

struct DeviceStageHooks {
  // Hangs the emulator's outputs on the frame; called by the task only.
  std::function<Status(GstBuffer* frame, const Tensor& input)> emulate;
  // A frame was on its way that long; called by the task only.
  std::function<void(GstClockTime elapsed_ns)> took;
};

struct DeviceStageStats {
  std::uint64_t frames = 0;    // that came
  std::uint64_t failed = 0;    // to which the device gave no answer
  std::uint64_t dropped = 0;   // of these, that did not leave
  std::uint64_t emulated = 0;  // that the emulator computed instead
  SessionStats session;
  DeviceInfo device;
  DeviceHealth health;
};

// push() and drain() on the sink pad's thread; the rest on any.
class DeviceStage {
 public:
  // `element` and its `source` pad outlive the stage.
  DeviceStage(GstElement* element, GstPad* source, std::unique_ptr<DeviceRunner> runner,
              OnDeviceError on_error, DeviceStageHooks hooks);
  // stop() has been called.
  ~DeviceStage() = default;
  DeviceStage(const DeviceStage&) = delete;
  DeviceStage& operator=(const DeviceStage&) = delete;

  // Takes a frame that is writable; waits while the queue is full, which is bounded as the device's
  // answers are. What became of the frames before it.
  GstFlowReturn push(GstPointer<GstBuffer> frame, Tensor input);
  // Until all frames have left, or flush().
  void drain();
  // Drops what is on its way and refuses more, until resume().
  void flush();
  // Takes frames (again), and starts the task. The pad is active.
  void resume();
  // flush, and shuts the device down, within SessionOptions::patience(). The task ends at the next
  // gst_pad_stop_task.
  void stop();

  DeviceStageStats stats() const;
  // Frames that it holds at most, apart from the one that is pushed.
  std::size_t capacity() const { return capacity_; }
  const char* driver() const { return runner_->driver(); }

 private:
  struct Entry {
    GstPointer<GstBuffer> frame;
    Tensor input;
    GstClockTime begin = 0;
    std::optional<DeviceError> refused;  // the device did not even take it
  };

  // The task's.
  void forward_next();
  DeviceResult<std::vector<DeviceTensor>> answer_to(const Entry& entry);
  GstFlowReturn finish(Entry entry, unsigned flushes);
  GstFlowReturn attach_and_push(Entry entry, const std::vector<DeviceTensor>& tensors);
  GstFlowReturn emulate_and_push(Entry entry);
  GstFlowReturn handle_failure(Entry entry, const DeviceError& error);
  GstFlowReturn drop(const Entry& entry, FaultError error);
  void report_events();
  FaultError describe(const DeviceError& error) const;

  GstElement* const element_;
  GstPad* const source_;
  const std::unique_ptr<DeviceRunner> runner_;
  const OnDeviceError on_error_;
  const DeviceStageHooks hooks_;
  const std::size_t capacity_;
  bool discontinuous_ = false;  // the task's: a frame is missing before the next one
  std::atomic<std::uint64_t> frames_ = 0, failed_ = 0, dropped_ = 0, emulated_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;  // the front stays until the device has answered
  unsigned flushes_ = 0;
  bool busy_ = false;       // the task has a frame in hand
  bool flushing_ = true;    // until resume()
  bool emulating_ = false;  // the device is given up
  GstFlowReturn flow_ = GST_FLOW_OK;
};

}  // namespace quant::element
