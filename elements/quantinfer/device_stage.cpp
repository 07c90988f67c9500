// SPDX-License-Identifier: MIT
#include "quantinfer/device_stage.h"

#include <fmt/format.h>

#include <utility>

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"

namespace quant::element {

namespace {

std::string in_words(const DeviceHealth& health) {
  std::string text;
  if (health.temperature_c) text += fmt::format("{:.0f} °C", *health.temperature_c);
  if (health.clock_mhz) {
    text += fmt::format("{}clock {:.0f} MHz", text.empty() ? "" : ", ", *health.clock_mhz);
  }
  return text;
}

}  // namespace

DeviceStage::DeviceStage(GstElement* element, GstPad* source, std::unique_ptr<DeviceRunner> runner,
                         OnDeviceError on_error, DeviceStageHooks hooks)
    : element_(element),
      source_(source),
      runner_(std::move(runner)),
      on_error_(on_error),
      hooks_(std::move(hooks)),
      capacity_(static_cast<std::size_t>(runner_->session().queue_size())) {}

GstFlowReturn DeviceStage::push(GstPointer<GstBuffer> frame, Tensor input) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [this] { return flushing_ || flow_ != GST_FLOW_OK || queue_.size() < capacity_; });
  if (flushing_) return GST_FLOW_FLUSHING;
  if (flow_ != GST_FLOW_OK) return flow_;
  ++frames_;
  Entry entry{std::move(frame), std::move(input), gst_util_get_timestamp(), {}};
  if (!emulating_) {
    if (auto submitted = runner_->submit(entry.input); !submitted) {
      entry.refused = std::move(submitted).error();
    }
  }
  queue_.push_back(std::move(entry));
  changed_.notify_all();
  return GST_FLOW_OK;
}

void DeviceStage::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return flushing_ || (queue_.empty() && !busy_); });
}

void DeviceStage::flush() {
  std::deque<Entry> dropped;
  {
    const std::lock_guard lock(mutex_);
    flushing_ = true;
    ++flushes_;
    dropped.swap(queue_);
    runner_->session().flush();
  }
  changed_.notify_all();
}

void DeviceStage::resume() {
  {
    const std::lock_guard lock(mutex_);
    flushing_ = false;
    flow_ = GST_FLOW_OK;
  }
  gst_pad_start_task(
      source_, [](gpointer stage) { static_cast<DeviceStage*>(stage)->forward_next(); }, this,
      nullptr);
}

void DeviceStage::stop() {
  flush();
  runner_->session().shut_down();
}

DeviceStageStats DeviceStage::stats() const {
  DeviceSession& session = runner_->session();
  return {frames_, failed_, dropped_, emulated_, session.stats(), session.info(), session.health()};
}

void DeviceStage::forward_next() {
  Entry entry;
  unsigned flushes = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return flushing_ || !queue_.empty(); });
    if (flushing_) {
      lock.unlock();
      gst_pad_pause_task(source_);
      return;
    }
    // Its place stays taken until the device has answered.
    entry = std::move(queue_.front());
    flushes = flushes_;
    busy_ = true;
  }
  const GstFlowReturn flow =
      guarded(element_, GST_FLOW_ERROR, [&] { return finish(std::move(entry), flushes); });
  std::deque<Entry> dropped;
  {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    if (flushes == flushes_ && flow != GST_FLOW_OK) {
      flow_ = flow;
      dropped.swap(queue_);
      runner_->session().flush();
    }
  }
  changed_.notify_all();
}

GstFlowReturn DeviceStage::finish(Entry entry, unsigned flushes) {
  const auto answer = answer_to(entry);
  bool emulating = false;
  {
    const std::lock_guard lock(mutex_);
    if (flushes != flushes_) return GST_FLOW_FLUSHING;
    queue_.pop_front();
    emulating = emulating_;
  }
  changed_.notify_all();
  if (emulating) return emulate_and_push(std::move(entry));
  report_events();
  if (!answer) return handle_failure(std::move(entry), answer.error());
  return attach_and_push(std::move(entry), *answer);
}

// Nothing where the emulator is to compute it.
DeviceResult<std::vector<DeviceTensor>> DeviceStage::answer_to(const Entry& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (emulating_) return {};
  }
  if (entry.refused) return tl::unexpected<DeviceError>(*entry.refused);
  return runner_->next();
}

GstFlowReturn DeviceStage::attach_and_push(Entry entry, const std::vector<DeviceTensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const DeviceOutput& output = runner_->outputs()[i];
    auto tensor =
        device_to_gst(tensors[i], output.name, GST_QUANT_TENSOR_ROLE_QUANTIZED, runner_->driver());
    if (!tensor) {
      post_error(element_, tensor.error(), "attaching a tensor of the device");
      return GST_FLOW_ERROR;
    }
    if (output.params) set_params(tensor->get(), *output.params);
    gst_buffer_add_quant_tensor_meta(entry.frame.get(), tensor->release());
  }
  hooks_.took(gst_util_get_timestamp() - entry.begin);
  if (std::exchange(discontinuous_, false)) {
    GST_BUFFER_FLAG_SET(entry.frame.get(), GST_BUFFER_FLAG_DISCONT);
  }
  return gst_pad_push(source_, entry.frame.release());
}

GstFlowReturn DeviceStage::emulate_and_push(Entry entry) {
  ++emulated_;
  const GstClockTime begin = gst_util_get_timestamp();
  if (const Status status = hooks_.emulate(entry.frame.get(), entry.input); !status) {
    post_error(element_, status.error(), "running the network on the emulator");
    return GST_FLOW_ERROR;
  }
  hooks_.took(gst_util_get_timestamp() - begin);
  return gst_pad_push(source_, entry.frame.release());
}

GstFlowReturn DeviceStage::handle_failure(Entry entry, const DeviceError& device_error) {
  // Asked for, and nobody's failure.
  if (device_error.fault == DeviceFault::kAborted) {
    const std::lock_guard lock(mutex_);
    if (flushing_) return GST_FLOW_FLUSHING;
  }
  ++failed_;
  FaultError error = describe(device_error);
  switch (on_error_) {
    case OnDeviceError::kFail:
      break;
    case OnDeviceError::kDrop:
      if (runner_->session().lost()) break;
      return drop(entry, std::move(error));
    case OnDeviceError::kEmulator: {
      const std::lock_guard lock(mutex_);
      emulating_ = true;
    }
      error.message += "; the emulator runs the network from here on";
      post_warning(element_, error, "running the network on the device");
      runner_->session().shut_down();
      return emulate_and_push(std::move(entry));
  }
  post_error(element_, error, "running the network on the device");
  return GST_FLOW_ERROR;
}

GstFlowReturn DeviceStage::drop(const Entry& entry, FaultError error) {
  if (dropped_++ == 0) {
    error.message += "; the frame is dropped (stats count further ones)";
    post_warning(element_, error, "running the network on the device");
  }
  discontinuous_ = true;
  GstBuffer* frame = entry.frame.get();
  if (GST_BUFFER_PTS_IS_VALID(frame)) {
    gst_pad_push_event(source_,
                       gst_event_new_gap(GST_BUFFER_PTS(frame), GST_BUFFER_DURATION(frame)));
  }
  return GST_FLOW_OK;
}

void DeviceStage::report_events() {
  for (const SessionEvent& event : runner_->session().take_events()) {
    const char* doing = "looking after the device";
    const bool cured = event.kind == SessionEvent::Kind::kReconfigured ||
                       event.kind == SessionEvent::Kind::kReopened;
    const auto error = [&](std::string message) {
      const DeviceFault fault = cured ? event.fault.fault : DeviceFault::kUnavailable;
      return to_error({fault, 0, std::move(message)}, runner_->device());
    };
    switch (event.kind) {
      case SessionEvent::Kind::kHot:
        post_warning(element_,
                     error(fmt::format("the device is hot ({}): it slows down, and stops before it "
                                       "takes harm; cool it, or give it less to do",
                                       in_words(event.health))),
                     doing);
        break;
      case SessionEvent::Kind::kCooled:
        post_info(element_,
                  error(fmt::format("the device has cooled ({})", in_words(event.health))), doing);
        break;
      case SessionEvent::Kind::kReconfigured:
      case SessionEvent::Kind::kReopened:
        post_info(element_,
                  error(fmt::format("{}; {} cured it", describe(event.fault).message,
                                    event.kind == SessionEvent::Kind::kReopened
                                        ? "opening the device anew"
                                        : "configuring the network anew")),
                  doing);
        break;
    }
  }
}

FaultError DeviceStage::describe(const DeviceError& error) const {
  FaultError described = to_error(error, runner_->device());
  described.message = fmt::format("{}: {}", to_string(error.fault), described.message);
  return described;
}

}  // namespace quant::element
