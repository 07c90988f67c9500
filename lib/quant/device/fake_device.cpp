// SPDX-License-Identifier: MIT
#include "quant/device/fake_device.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "quant/base/round_up.h"

namespace quant {
namespace {

constexpr std::size_t kFrameStep = 8;
// A repetition, and a frame that waits for one behind it, come that much later.
constexpr std::chrono::milliseconds kAWhile{1};

constexpr DeviceHealth kWell{45.0F, 2.5F, 400.0F};
constexpr DeviceHealth kHot{112.0F, 4.0F, 200.0F};

DeviceLayout layout_on_device(const DeviceLayout& own, const FakeOptions& options) {
  DeviceLayout layout = dense_layout(options.order, own.type, own.height, own.width, own.channels);
  const bool one_channel_only = options.order == DeviceOrder::kNhw && own.channels > 1;
  const bool one_pixel_only = options.order == DeviceOrder::kNc && own.height * own.width > 1;
  if (one_channel_only || one_pixel_only) layout.order = DeviceOrder::kNhwc;
  if (options.wide && own.type == DataType::kUint8) layout.type = DataType::kUint16;
  switch (layout.order) {
    case DeviceOrder::kFcr:
      layout.padded_channels = round_up(layout.channels, options.align);
      [[fallthrough]];
    case DeviceOrder::kNhwc:
    case DeviceOrder::kNhcw:
    case DeviceOrder::kNchw:
    case DeviceOrder::kNhw:
      layout.padded_width = round_up(layout.width, options.align);
      break;
    case DeviceOrder::kNc:
      layout.padded_channels = round_up(layout.channels, options.align);
      break;
    case DeviceOrder::kF8cr:
      break;
  }
  return layout;
}

std::size_t frame_bytes(const DeviceLayout& layout) {
  return round_up(byte_count(layout), kFrameStep);
}

// Something that is the same for the same frame.
std::uint64_t digest(const DeviceJob& job) {
  std::uint64_t result = 0;
  for (const auto& input : job.inputs()) {
    const auto* text = reinterpret_cast<const char*>(input.data());
    result = 31 * result + std::hash<std::string_view>()({text, input.size()});
  }
  return result;
}

}  // namespace

std::vector<DeviceStream> fake_outputs(const FakeNetwork& network, const FakeOptions& options) {
  std::vector<DeviceStream> streams = network.outputs;
  for (DeviceStream& stream : streams) {
    stream.layout = layout_on_device(stream.layout, options);
    stream.frame_bytes = frame_bytes(stream.layout);
    if (!options.has_params) {
      stream.params.reset();
    } else if (stream.params) {
      stream.params->type = stream.layout.type;
    }
  }
  return streams;
}

std::vector<DeviceStream> fake_inputs(const FakeNetwork& network, const FakeOptions& options) {
  std::vector<DeviceStream> streams = network.inputs;
  for (DeviceStream& stream : streams) {
    DeviceLayout& layout = stream.layout;
    layout =
        dense_layout(DeviceOrder::kNhwc, layout.type, layout.height, layout.width, layout.channels);
    if (options.pads_input) layout.padded_width = round_up(layout.width, options.align);
    stream.frame_bytes = options.pads_input ? frame_bytes(layout) : byte_count(layout);
  }
  return streams;
}

FakeDevice::FakeDevice(std::shared_ptr<FakeFate> fate, FakeNetwork network, DeviceInfo info,
                       std::shared_ptr<const void> claim)
    : fate_(std::move(fate)),
      options_(fate_->options()),
      network_(std::move(network)),
      info_(std::move(info)),
      claim_(std::move(claim)),
      inputs_(fake_inputs(network_, options_)),
      outputs_(fake_outputs(network_, options_)),
      thread_([this] { work(); }) {}

FakeDevice::~FakeDevice() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

DeviceResult<void> FakeDevice::wait_ready(std::chrono::milliseconds timeout) {
  Lock lock(mutex_);
  const auto has_room = [this] {
    const std::size_t waiting = tasks_.size() + later_.size() + held_.size() + (busy_ ? 1 : 0);
    return closed_ || waiting < static_cast<std::size_t>(options_.queue_size);
  };
  const auto deadline = Clock::now() + timeout;
  while (!has_room()) {
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && !has_room()) {
      return tl::unexpected<DeviceError>(fake_error(4));
    }
  }
  return {};
}

DeviceResult<void> FakeDevice::start(std::shared_ptr<DeviceJob> job) {
  Lock lock(mutex_);
  if (closed_) return tl::unexpected<DeviceError>(fake_error(63));
  Task task{std::move(job), fate_->next_run()};
  if (task.run.is(FakeFault::Kind::kStart)) {
    const DeviceError error = fake_error(task.run.fault->status);
    stuck_ |= error.fault == DeviceFault::kTimeout || error.fault == DeviceFault::kOther;
    closed_ |= error.fault == DeviceFault::kAborted;
    return tl::unexpected<DeviceError>(error);
  }
  if (task.run.is(FakeFault::Kind::kHangStop)) hangs_at_stop_ = true;
  if (task.run.is(FakeFault::Kind::kHang)) {
    lock.unlock();
    std::this_thread::sleep_for(options_.hang);
    lock.lock();
    stuck_ = true;
  }
  tasks_.push_back(std::move(task));
  changed_.notify_all();
  return {};
}

DeviceResult<void> FakeDevice::reconfigure(std::chrono::milliseconds) {
  Lock lock(mutex_);
  abort_all(lock);
  if (const auto fault = fate_->next_configuration()) {
    return tl::unexpected<DeviceError>(fake_error(fault->status));
  }
  if (closed_) return tl::unexpected<DeviceError>(fake_error(63));
  stuck_ = false;
  return {};
}

DeviceResult<DeviceHealth> FakeDevice::health() { return fate_->is_hot() ? kHot : kWell; }

DeviceResult<void> FakeDevice::shut_down(std::chrono::milliseconds timeout) {
  Lock lock(mutex_);
  closed_ = true;
  if (hangs_at_stop_) {
    lock.unlock();
    std::this_thread::sleep_for(timeout);
    return tl::unexpected<DeviceError>(fake_error(4));
  }
  abort_all(lock);
  return {};
}

void FakeDevice::abort_all(Lock& lock) {
  std::vector<std::shared_ptr<DeviceJob>> jobs = std::exchange(held_, {});
  for (Task& task : tasks_) jobs.push_back(std::move(task.job));
  for (Task& task : later_) {
    if (!task.again) jobs.push_back(std::move(task.job));
  }
  tasks_.clear();
  later_.clear();
  changed_.wait(lock, [this] { return !busy_; });
  lock.unlock();
  for (const auto& job : jobs) job->done(fake_error(63));
  jobs.clear();
  lock.lock();
  changed_.notify_all();
}

void FakeDevice::work() {
  Lock lock(mutex_);
  while (!ending_) {
    const auto due = std::min_element(later_.begin(), later_.end(),
                                      [](const auto& a, const auto& b) { return a.due < b.due; });
    if (due != later_.end() && due->due <= Clock::now()) {
      Task task = std::move(*due);
      later_.erase(due);
      if (task.again) {
        answer(lock, task, std::nullopt);
      } else {
        answer(lock, task, compute_unlocked(lock, task));
      }
    } else if (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      carry_out(lock, std::move(task));
    } else if (due != later_.end()) {
      changed_.wait_until(lock, Clock::time_point(due->due));
    } else {
      changed_.wait(lock);
    }
  }
}

void FakeDevice::carry_out(Lock& lock, Task task) {
  if (stuck_) {
    held_.push_back(std::move(task.job));
    return;
  }
  if (closed_) return answer(lock, task, fake_error(63));
  if (task.run.is(FakeFault::Kind::kStatus)) {
    const DeviceError error = fake_error(task.run.fault->status);
    stuck_ |= error.fault == DeviceFault::kTimeout || error.fault == DeviceFault::kOther;
    closed_ |= error.fault == DeviceFault::kAborted;
    return answer(lock, task, error);
  }
  if (task.run.is(FakeFault::Kind::kLost)) {
    stuck_ = true;
    held_.push_back(std::move(task.job));
    return;
  }
  if (task.run.is(FakeFault::Kind::kLate) || task.run.is(FakeFault::Kind::kReorder)) {
    const auto wait = task.run.is(FakeFault::Kind::kLate) ? options_.late : kAWhile;
    task.due = Clock::now() + wait;
    later_.push_back(std::move(task));
    return;
  }
  answer(lock, task, compute_unlocked(lock, task));
  // Who waited for one to overtake it has its turn.
  for (Task& other : later_) {
    if (!other.again && other.run.is(FakeFault::Kind::kReorder)) {
      other.due = Clock::time_point::min();
    }
  }
  if (task.run.is(FakeFault::Kind::kTwice)) {
    task.again = true;
    task.due = Clock::now() + kAWhile;
    later_.push_back(std::move(task));
  }
}

void FakeDevice::answer(Lock& lock, const Task& task, std::optional<DeviceError> error) {
  busy_ = true;
  lock.unlock();
  task.job->done(std::move(error));
  lock.lock();
  busy_ = false;
  changed_.notify_all();
}

std::optional<DeviceError> FakeDevice::compute_unlocked(Lock& lock, const Task& task) {
  busy_ = true;
  lock.unlock();
  auto error = compute(task);
  lock.lock();
  return error;
}

std::optional<DeviceError> FakeDevice::compute(const Task& task) {
  if (options_.delay.count() > 0) std::this_thread::sleep_for(options_.delay);
  std::vector<Tensor> dense;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const DeviceLayout& layout = inputs_[i].layout;
    const DeviceLayout own =
        dense_layout(DeviceOrder::kNhwc, layout.type, layout.height, layout.width, layout.channels);
    Tensor input(own.type, {1, own.height, own.width, own.channels}, BufferFill::kUndefined);
    read_fake_memory(task.job->inputs()[i], layout, {input.raw(), input.bytes()}, own);
    dense.push_back(std::move(input));
  }
  std::vector<Tensor> results;
  if (const Status status = network_.run(dense, results); !status) {
    return DeviceError{DeviceFault::kOther, 0, status.error().text()};
  }
  FakeRandom by_frame(options_.seed ^ digest(*task.job));
  FakeRandom by_run(options_.seed + static_cast<std::uint64_t>(task.run.number));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const std::span<std::byte> memory = task.job->outputs()[i];
    write_fake_memory({results[i].raw(), results[i].bytes()}, network_.outputs[i].layout, memory,
                      outputs_[i].layout, by_run);
    add_fake_noise(memory, outputs_[i].layout, options_.noise, by_frame);
    add_fake_noise(memory, outputs_[i].layout, options_.jitter, by_run);
  }
  return std::nullopt;
}

}  // namespace quant
