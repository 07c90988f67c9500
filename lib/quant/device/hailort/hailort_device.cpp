// SPDX-License-Identifier: MIT
#include "quant/device/hailort/hailort_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "quant/device/hailort/hailort_health.h"
#include "quant/device/hailort/hailort_streams.h"

namespace quant::hailort {
namespace {

using ::hailort::AsyncInferCompletionInfo;
using ::hailort::ConfiguredInferModel;
using ::hailort::InferModel;
using ::hailort::MemoryView;
using ::hailort::VDevice;

// One configured network and what it stands on. Whoever may still touch it holds a reference: a
// call into HailoRT that never returns keeps all of it alive, and nothing else waits for it.
struct Session {
  // Destroyed from the last to the first: the network refers to the device.
  std::shared_ptr<VDevice> vdevice;
  std::shared_ptr<InferModel> model;
  ConfiguredInferModel configured;
  // In the order of inputs() and outputs(), which is that of a job's memory.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;

  std::mutex mutex;
  // Bindings that no frame in flight uses.
  std::vector<ConfiguredInferModel::Bindings> idle;  // mutex
};

void give_back(Session& session, ConfiguredInferModel::Bindings bindings) {
  const std::lock_guard lock(session.mutex);
  session.idle.push_back(std::move(bindings));
}

hailo_status bind(ConfiguredInferModel::Bindings& bindings, const Session& session,
                  const DeviceJob& job) {
  for (std::size_t i = 0; i < session.input_names.size(); ++i) {
    const auto bytes = job.inputs()[i];
    auto stream = bindings.input(session.input_names[i]);
    if (!stream) return stream.status();
    // HailoRT takes what it only reads as writable memory.
    auto* data = const_cast<std::byte*>(bytes.data());
    const hailo_status status = stream->set_buffer(MemoryView(data, bytes.size()));
    if (status != HAILO_SUCCESS) return status;
  }
  for (std::size_t i = 0; i < session.output_names.size(); ++i) {
    const auto bytes = job.outputs()[i];
    auto stream = bindings.output(session.output_names[i]);
    if (!stream) return stream.status();
    const hailo_status status = stream->set_buffer(MemoryView(bytes.data(), bytes.size()));
    if (status != HAILO_SUCCESS) return status;
  }
  return HAILO_SUCCESS;
}

std::vector<std::string> names_of(const std::vector<DeviceStream>& streams) {
  std::vector<std::string> names;
  names.reserve(streams.size());
  for (const DeviceStream& stream : streams) names.push_back(stream.name);
  return names;
}

class HailortDevice : public Device {
 public:
  HailortDevice(const DeviceOptions& options, Place place)
      : options_(options), place_(std::move(place)), health_(place_.device) {
    info_.id = place_.device;
    info_.library = "HailoRT " + place_.library;
    info_.driver = place_.driver;
    health_.identify(info_);
    place_.architecture = info_.architecture;
  }

  ~HailortDevice() override {
    // Whoever destroys without shut_down gets the longest wait that HailoRT itself has.
    (void)shut_down(std::chrono::seconds(10));
  }

  DeviceResult<void> configure(std::shared_ptr<VDevice> vdevice) {
    auto session = std::make_shared<Session>();
    session->vdevice = std::move(vdevice);
    auto model = session->vdevice->create_infer_model(options_.model_path);
    if (!model) return failed(model.status(), "reading the compiled network");
    session->model = model.release();
    if (options_.batch_size > 0) {
      session->model->set_batch_size(static_cast<std::uint16_t>(options_.batch_size));
    }
    auto inputs = describe_streams(session->model->inputs());
    if (!inputs) return tl::unexpected(std::move(inputs).error());
    auto outputs = describe_streams(session->model->outputs());
    if (!outputs) return tl::unexpected(std::move(outputs).error());

    auto configured = session->model->configure();
    if (!configured) return failed(configured.status(), "configuring the network");
    session->configured = configured.release();
    if (auto scheduled = schedule(session->configured); !scheduled) return scheduled;
    const auto queue_size = session->configured.get_async_queue_size();
    if (!queue_size) return failed(queue_size.status(), "asking for the length of its queue");

    session->input_names = names_of(*inputs);
    session->output_names = names_of(*outputs);
    inputs_ = std::move(*inputs);
    outputs_ = std::move(*outputs);
    queue_size_ = static_cast<int>(std::max<std::size_t>(*queue_size, 1));
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
    return {};
  }

  const DeviceInfo& info() const override { return info_; }
  const std::vector<DeviceStream>& inputs() const override { return inputs_; }
  const std::vector<DeviceStream>& outputs() const override { return outputs_; }
  int queue_size() const override { return queue_size_; }

  DeviceResult<void> wait_ready(std::chrono::milliseconds timeout) override {
    const auto session = current();
    if (!session) return shut();
    const hailo_status status = session->configured.wait_for_async_ready(timeout);
    if (status != HAILO_SUCCESS) return failed(status, "waiting for room for a frame");
    return {};
  }

  DeviceResult<void> start(std::shared_ptr<DeviceJob> job) override {
    const auto session = current();
    if (!session) return shut();
    auto bindings = take_bindings(*session);
    if (!bindings) return tl::unexpected(std::move(bindings).error());
    if (const hailo_status status = bind(*bindings, *session, *job); status != HAILO_SUCCESS) {
      give_back(*session, *bindings);
      return failed(status, "handing over the memory of a frame");
    }
    // The callback owns the frame's memory, and the session owns the callback until it was called.
    // The other way round it would be a ring.
    auto done = [job = std::move(job), weak = std::weak_ptr(session), bindings = *bindings,
                 place = place_](const AsyncInferCompletionInfo& completion) {
      if (const auto alive = weak.lock()) give_back(*alive, bindings);
      if (completion.status == HAILO_SUCCESS) {
        job->done(std::nullopt);
      } else {
        job->done(error_of(completion.status, "running a frame", place));
      }
    };
    auto running = session->configured.run_async(*bindings, std::move(done));
    if (!running) {
      give_back(*session, *bindings);
      return failed(running.status(), "starting a frame");
    }
    // Otherwise its destructor waits for the frame.
    running->detach();
    return {};
  }

  DeviceResult<void> reconfigure(std::chrono::milliseconds timeout) override {
    const auto session = current();
    if (!session) return shut();
    std::shared_ptr<VDevice> vdevice = session->vdevice;
    if (auto down = shut_down(timeout); !down) return down;
    return configure(std::move(vdevice));
  }

  DeviceResult<DeviceHealth> health() override { return health_.read(); }

  DeviceResult<void> shut_down(std::chrono::milliseconds timeout) override {
    std::shared_ptr<Session> session;
    {
      const std::lock_guard lock(mutex_);
      session = std::exchange(session_, nullptr);
    }
    if (!session) return {};

    struct Ending {
      std::mutex mutex;
      std::condition_variable ended;
      std::optional<hailo_status> status;
    };
    auto ending = std::make_shared<Ending>();
    // shutdown() waits up to ten seconds by itself, and releasing a device that hangs may wait for
    // ever. Both happen on a thread that nobody has to join.
    std::thread([ending, session = std::move(session)]() mutable {
      const hailo_status status = session->configured.shutdown();
      session.reset();
      const std::lock_guard lock(ending->mutex);
      ending->status = status;
      ending->ended.notify_all();
    }).detach();

    std::unique_lock lock(ending->mutex);
    if (!ending->ended.wait_for(lock, timeout, [&] { return ending->status.has_value(); })) {
      return device_fail(DeviceFault::kTimeout,
                         fmt::format("{} did not shut down within {} ms",
                                     info_.id.empty() ? "the device" : info_.id, timeout.count()));
    }
    if (*ending->status != HAILO_SUCCESS) return failed(*ending->status, "shutting down");
    return {};
  }

 private:
  std::shared_ptr<Session> current() {
    const std::lock_guard lock(mutex_);
    return session_;
  }

  static tl::unexpected<DeviceError> shut() {
    return device_fail(DeviceFault::kInvalidUse, "the device has been shut down");
  }

  tl::unexpected<DeviceError> failed(hailo_status status, std::string_view doing) const {
    return tl::unexpected(error_of(status, doing, place_));
  }

  DeviceResult<void> schedule(ConfiguredInferModel& configured) const {
    const DeviceOptions usual;
    if (options_.scheduler_timeout != usual.scheduler_timeout) {
      const hailo_status status = configured.set_scheduler_timeout(options_.scheduler_timeout);
      if (status != HAILO_SUCCESS) return failed(status, "setting the scheduler's time-out");
    }
    if (options_.scheduler_threshold != usual.scheduler_threshold) {
      const hailo_status status = configured.set_scheduler_threshold(
          static_cast<std::uint32_t>(options_.scheduler_threshold));
      if (status != HAILO_SUCCESS) return failed(status, "setting the scheduler's threshold");
    }
    if (options_.scheduler_priority != usual.scheduler_priority) {
      const hailo_status status =
          configured.set_scheduler_priority(static_cast<std::uint8_t>(options_.scheduler_priority));
      if (status != HAILO_SUCCESS) return failed(status, "setting the scheduler's priority");
    }
    return {};
  }

  DeviceResult<ConfiguredInferModel::Bindings> take_bindings(Session& session) const {
    {
      const std::lock_guard lock(session.mutex);
      if (!session.idle.empty()) {
        // Moved where the library can. NOLINTNEXTLINE(performance-move-const-arg)
        auto bindings = std::move(session.idle.back());
        session.idle.pop_back();
        return bindings;
      }
    }
    auto created = session.configured.create_bindings();
    if (!created) return failed(created.status(), "preparing a frame");
    return created.release();
  }

  const DeviceOptions options_;
  Place place_;
  HealthMonitor health_;
  DeviceInfo info_;
  std::vector<DeviceStream> inputs_;
  std::vector<DeviceStream> outputs_;
  int queue_size_ = 1;
  std::mutex mutex_;
  std::shared_ptr<Session> session_;  // mutex; empty once shut down
};

}  // namespace

DeviceError error_of(hailo_status status, std::string_view doing, const Place& place) {
  const char* text = hailo_get_status_message(status);
  return to_device_error(status, text != nullptr ? text : "", doing, place);
}

DeviceResult<std::unique_ptr<Device>> configure_device(std::shared_ptr<VDevice> vdevice,
                                                       const DeviceOptions& options, Place place) {
  auto device = std::make_unique<HailortDevice>(options, std::move(place));
  if (auto configured = device->configure(std::move(vdevice)); !configured) {
    return tl::unexpected(std::move(configured).error());
  }
  return device;
}

}  // namespace quant::hailort
