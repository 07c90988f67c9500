// SPDX-License-Identifier: MIT
// A HailoRT that has no chip: frames are computed on a thread by a rule that a test can check.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "control.h"
#include "hailo/hailort.hpp"

using stand_in::Control;

// ---- C -----------------------------------------------------------------------------------------

struct hailo_stand_in_device {};

hailo_status hailo_get_library_version(hailo_version_t* version) {
  *version = Control::instance().version();
  return HAILO_SUCCESS;
}

const char* hailo_get_status_message(hailo_status status) {
  switch (static_cast<int>(status)) {
    case HAILO_SUCCESS:
      return "HAILO_SUCCESS";
    case HAILO_TIMEOUT:
      return "HAILO_TIMEOUT";
    case HAILO_STREAM_ABORT:
      return "HAILO_STREAM_ABORT";
    case HAILO_OUT_OF_PHYSICAL_DEVICES:
      return "HAILO_OUT_OF_PHYSICAL_DEVICES";
    case HAILO_INVALID_ARGUMENT:
      return "HAILO_INVALID_ARGUMENT";
    case HAILO_HEF_FILE_CORRUPTED:
      return "HAILO_HEF_FILE_CORRUPTED";
    default:
      return nullptr;
  }
}

hailo_status hailo_scan_devices(hailo_scan_devices_params_t*, hailo_device_id_t* device_ids,
                                size_t* device_ids_length) {
  const auto devices = Control::instance().devices();
  const bool fits = devices.size() <= *device_ids_length;
  for (size_t i = 0; i < std::min(devices.size(), *device_ids_length); ++i) {
    std::memset(&device_ids[i], 0, sizeof(hailo_device_id_t));
    devices[i].copy(device_ids[i].id, sizeof(device_ids[i].id) - 1);
  }
  *device_ids_length = devices.size();
  return fits ? HAILO_SUCCESS : HAILO_INSUFFICIENT_BUFFER;
}

hailo_status hailo_create_device_by_id(const hailo_device_id_t* device_id, hailo_device* device) {
  if (const auto failure = Control::instance().next("create_device"); failure != HAILO_SUCCESS) {
    return failure;
  }
  const auto devices = Control::instance().devices();
  if (std::find(devices.begin(), devices.end(), device_id->id) == devices.end()) {
    return HAILO_INVALID_ARGUMENT;
  }
  *device = new hailo_stand_in_device;
  return HAILO_SUCCESS;
}

hailo_status hailo_release_device(hailo_device device) {
  delete device;
  return HAILO_SUCCESS;
}

hailo_status hailo_identify(hailo_device, hailo_device_identity_t* identity) {
  std::memset(identity, 0, sizeof(*identity));
  identity->device_architecture = HAILO_ARCH_HAILO8L;
  identity->fw_version = Control::instance().version();
  return HAILO_SUCCESS;
}

hailo_status hailo_get_extended_device_information(hailo_device,
                                                   hailo_extended_device_information_t* extended) {
  std::memset(extended, 0, sizeof(*extended));
  // At 104 degrees the chip halves its clock.
  extended->neural_network_core_clock_rate =
      Control::instance().temperature_c() < 104 ? 400000000 : 200000000;
  return HAILO_SUCCESS;
}

hailo_status hailo_get_chip_temperature(hailo_device, hailo_chip_temperature_info_t* temperature) {
  if (const auto failure = Control::instance().next("temperature"); failure != HAILO_SUCCESS) {
    return failure;
  }
  const float degrees = Control::instance().temperature_c();
  *temperature = {degrees - 1, degrees, 1};
  return HAILO_SUCCESS;
}

hailo_status hailo_power_measurement(hailo_device, hailo_dvm_options_t,
                                     hailo_power_measurement_types_t, float32_t*) {
  return HAILO_NOT_SUPPORTED;
}

hailo_status hailo_init_vdevice_params(hailo_vdevice_params_t* params) {
  *params = {1, nullptr, HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN, "UNIQUE", false};
  return HAILO_SUCCESS;
}

// ---- C++ ---------------------------------------------------------------------------------------

namespace hailort {

struct InferModel::InferStream::State {
  std::string name;
  hailo_format_t format{};
  hailo_3d_image_shape_t shape{};
  hailo_quant_info_t quant{};
};

const std::string InferModel::InferStream::name() const { return state_->name; }
hailo_3d_image_shape_t InferModel::InferStream::shape() const { return state_->shape; }
hailo_format_t InferModel::InferStream::format() const { return state_->format; }
std::size_t InferModel::InferStream::get_frame_size() const {
  const auto& shape = state_->shape;
  const std::size_t width = state_->format.type == HAILO_FORMAT_TYPE_UINT8    ? 1
                            : state_->format.type == HAILO_FORMAT_TYPE_UINT16 ? 2
                                                                              : 4;
  return std::size_t{shape.height} * shape.width * shape.features * width;
}
std::vector<hailo_quant_info_t> InferModel::InferStream::get_quant_infos() const {
  return {state_->quant};
}
bool InferModel::InferStream::is_nms() const {
  return state_->format.order == HAILO_FORMAT_ORDER_HAILO_NMS_BY_CLASS;
}

struct ConfiguredInferModel::Bindings::InferStream::State {
  std::size_t size = 0;
  bool is_output = false;
  MemoryView view;
};

hailo_status ConfiguredInferModel::Bindings::InferStream::set_buffer(MemoryView view) {
  const auto failure = Control::instance().next("set_buffer");
  if (failure != HAILO_SUCCESS) return failure;
  if (view.size() != state_->size) return HAILO_INVALID_OPERATION;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  if (state_->is_output && reinterpret_cast<std::uintptr_t>(view.data()) % page != 0) {
    Control::instance().add("misaligned", 1);
  }
  state_->view = view;
  return HAILO_SUCCESS;
}

struct ConfiguredInferModel::Bindings::State {
  std::map<std::string, std::shared_ptr<InferStream::State>> inputs;
  std::map<std::string, std::shared_ptr<InferStream::State>> outputs;
};

namespace {

auto copied(const std::map<
            std::string, std::shared_ptr<ConfiguredInferModel::Bindings::InferStream::State>>& of) {
  auto copies = of;
  for (auto& [name, stream] : copies) {
    stream = std::make_shared<ConfiguredInferModel::Bindings::InferStream::State>(*stream);
  }
  return copies;
}

}  // namespace

ConfiguredInferModel::Bindings::Bindings(const Bindings& other)
    : state_(std::make_shared<State>(
          State{copied(other.state_->inputs), copied(other.state_->outputs)})) {}

ConfiguredInferModel::Bindings& ConfiguredInferModel::Bindings::operator=(const Bindings& other) {
  state_ =
      std::make_shared<State>(State{copied(other.state_->inputs), copied(other.state_->outputs)});
  return *this;
}

Expected<ConfiguredInferModel::Bindings::InferStream> ConfiguredInferModel::Bindings::input(
    const std::string& name) {
  const auto found = state_->inputs.find(name);
  if (found == state_->inputs.end()) return make_unexpected(HAILO_NOT_FOUND);
  return InferStream(found->second);
}

Expected<ConfiguredInferModel::Bindings::InferStream> ConfiguredInferModel::Bindings::output(
    const std::string& name) {
  const auto found = state_->outputs.find(name);
  if (found == state_->outputs.end()) return make_unexpected(HAILO_NOT_FOUND);
  return InferStream(found->second);
}

struct AsyncInferJob::State {
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;

  bool wait(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    return finished.wait_for(lock, timeout, [&] { return done; });
  }
  void finish() {
    const std::lock_guard lock(mutex);
    done = true;
    finished.notify_all();
  }
};

AsyncInferJob::AsyncInferJob() = default;
AsyncInferJob::AsyncInferJob(std::shared_ptr<State> state) : state_(std::move(state)) {}
AsyncInferJob::AsyncInferJob(AsyncInferJob&& other) = default;
AsyncInferJob& AsyncInferJob::operator=(AsyncInferJob&& other) = default;
AsyncInferJob::~AsyncInferJob() {
  if (state_) state_->wait(std::chrono::seconds(10));
}
hailo_status AsyncInferJob::wait(std::chrono::milliseconds timeout) {
  return state_->wait(timeout) ? HAILO_SUCCESS : HAILO_TIMEOUT;
}
void AsyncInferJob::detach() { state_.reset(); }

// A queue and the thread that works it off.
class ConfiguredInferModel::State {
 public:
  static constexpr std::size_t kQueue = 4;

  State(std::vector<InferModel::InferStream> inputs, std::vector<InferModel::InferStream> outputs)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)), thread_([this] { work(); }) {
    Control::instance().add("configured", 1);
  }

  ~State() {
    shut_down();
    thread_.join();
    Control::instance().add("configured", -1);
  }

  Expected<Bindings> create_bindings() {
    Control::instance().add("bindings", 1);
    auto state = std::make_shared<Bindings::State>();
    for (const auto& stream : inputs_) {
      state->inputs[stream.name()] = std::make_shared<Bindings::InferStream::State>(
          Bindings::InferStream::State{stream.get_frame_size(), false, {}});
    }
    for (const auto& stream : outputs_) {
      state->outputs[stream.name()] = std::make_shared<Bindings::InferStream::State>(
          Bindings::InferStream::State{stream.get_frame_size(), true, {}});
    }
    return Bindings(std::move(state));
  }

  hailo_status wait_ready(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [&] { return closed_ || queue_.size() < kQueue; })) {
      return HAILO_TIMEOUT;
    }
    return closed_ ? HAILO_STREAM_ABORT : HAILO_SUCCESS;
  }

  Expected<AsyncInferJob> run(const Bindings& bindings,
                              std::function<void(const AsyncInferCompletionInfo&)> callback) {
    const std::lock_guard lock(mutex_);
    if (closed_) return make_unexpected(HAILO_STREAM_ABORT);
    if (queue_.size() >= kQueue) return make_unexpected(HAILO_QUEUE_IS_FULL);
    auto finished = std::make_shared<AsyncInferJob::State>();
    queue_.push_back({bindings, std::move(callback), finished});
    changed_.notify_all();
    return AsyncInferJob(std::move(finished));
  }

  void shut_down() {
    Control::instance().wait_while_hanging("shutdown");
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return queue_.empty(); });
  }

 private:
  struct Job {
    Bindings bindings;
    std::function<void(const AsyncInferCompletionInfo&)> callback;
    std::shared_ptr<AsyncInferJob::State> finished;
  };

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const Job& job = queue_.front();  // stays in its place while others are pushed behind it
      const bool aborted = closed_;
      lock.unlock();
      complete(job, aborted);
      lock.lock();
      queue_.pop_front();
      changed_.notify_all();
    }
  }

  void complete(const Job& job, bool aborted) {
    Control& control = Control::instance();
    if (!aborted) {
      std::this_thread::sleep_for(control.delay());
      control.wait_while_hanging("run");
    }
    const hailo_status status = aborted ? HAILO_STREAM_ABORT : control.next_completion();
    if (status == HAILO_SUCCESS) compute(job);
    const bool twice = control.next_completes_twice();
    for (int i = 0; i < (twice ? 2 : 1); ++i) job.callback(AsyncInferCompletionInfo(status));
    control.add("frames", 1);
    job.finished->finish();
  }

  void compute(const Job& job) const {
    MemoryView in = job.bindings.state().inputs.at(inputs_.front().name())->view;
    for (const auto& stream : outputs_) {
      MemoryView out = job.bindings.state().outputs.at(stream.name())->view;
      const bool wide = stream.format().type == HAILO_FORMAT_TYPE_UINT16;
      const std::size_t elements = out.size() / (wide ? 2 : 1);
      for (std::size_t i = 0; i < elements; ++i) {
        const auto value = static_cast<std::uint16_t>(in.data()[i % in.size()] + i);
        if (wide) {
          std::memcpy(out.data() + i * 2, &value, 2);
        } else {
          out.data()[i] = static_cast<std::uint8_t>(value);
        }
      }
    }
  }

  const std::vector<InferModel::InferStream> inputs_;
  const std::vector<InferModel::InferStream> outputs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  bool closed_ = false;
  std::thread thread_;
};

Expected<ConfiguredInferModel::Bindings> ConfiguredInferModel::create_bindings() {
  return state_->create_bindings();
}

hailo_status ConfiguredInferModel::wait_for_async_ready(std::chrono::milliseconds timeout,
                                                        std::uint32_t) {
  const auto failure = Control::instance().next("wait_ready");
  return failure != HAILO_SUCCESS ? failure : state_->wait_ready(timeout);
}

Expected<AsyncInferJob> ConfiguredInferModel::run_async(
    const Bindings& bindings, std::function<void(const AsyncInferCompletionInfo&)> callback) {
  const auto failure = Control::instance().next("run_async");
  if (failure != HAILO_SUCCESS) return make_unexpected(failure);
  return state_->run(bindings, std::move(callback));
}

hailo_status ConfiguredInferModel::set_scheduler_timeout(const std::chrono::milliseconds& timeout) {
  Control::instance().set("timeout", static_cast<long>(timeout.count()));
  return HAILO_SUCCESS;
}

hailo_status ConfiguredInferModel::set_scheduler_threshold(std::uint32_t threshold) {
  Control::instance().set("threshold", threshold);
  return HAILO_SUCCESS;
}

hailo_status ConfiguredInferModel::set_scheduler_priority(std::uint8_t priority) {
  Control::instance().set("priority", priority);
  return HAILO_SUCCESS;
}

Expected<std::size_t> ConfiguredInferModel::get_async_queue_size() const {
  return std::size_t{State::kQueue};
}

hailo_status ConfiguredInferModel::shutdown() {
  const auto failure = Control::instance().next("shutdown");
  state_->shut_down();
  return failure;
}

namespace {

class Network : public InferModel {
 public:
  Network() { Control::instance().add("models", 1); }
  ~Network() override { Control::instance().add("models", -1); }

  // Whether the file is one of ours.
  bool read(const std::string& path) {
    const std::map<std::string, hailo_format_type_t> types{{"uint8", HAILO_FORMAT_TYPE_UINT8},
                                                           {"uint16", HAILO_FORMAT_TYPE_UINT16},
                                                           {"float32", HAILO_FORMAT_TYPE_FLOAT32}};
    const std::map<std::string, hailo_format_order_t> orders{
        {"NHWC", HAILO_FORMAT_ORDER_NHWC}, {"NHCW", HAILO_FORMAT_ORDER_NHCW},
        {"FCR", HAILO_FORMAT_ORDER_FCR},   {"F8CR", HAILO_FORMAT_ORDER_F8CR},
        {"NHW", HAILO_FORMAT_ORDER_NHW},   {"NC", HAILO_FORMAT_ORDER_NC},
        {"NV12", HAILO_FORMAT_ORDER_NV12}, {"NMS", HAILO_FORMAT_ORDER_HAILO_NMS_BY_CLASS}};
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line != "stand-in") return false;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string direction;
      std::string type;
      std::string order;
      auto stream = std::make_shared<InferStream::State>();
      auto& shape = stream->shape;
      auto& quant = stream->quant;
      if (!(words >> direction >> stream->name >> type >> order >> shape.height >> shape.width >>
            shape.features >> quant.qp_scale >> quant.qp_zp)) {
        return false;
      }
      stream->format = {types.at(type), orders.at(order), HAILO_FORMAT_FLAGS_NONE};
      (direction == "input" ? inputs_ : outputs_).emplace_back(std::move(stream));
    }
    return !inputs_.empty() && !outputs_.empty();
  }

  void set_batch_size(std::uint16_t batch_size) override {
    Control::instance().set("batch", batch_size);
  }

  Expected<ConfiguredInferModel> configure() override {
    const auto failure = Control::instance().next("configure");
    if (failure != HAILO_SUCCESS) return make_unexpected(failure);
    return ConfiguredInferModel(std::make_shared<ConfiguredInferModel::State>(inputs_, outputs_));
  }

  const std::vector<InferStream>& inputs() const override { return inputs_; }
  const std::vector<InferStream>& outputs() const override { return outputs_; }

 private:
  std::vector<InferStream> inputs_;
  std::vector<InferStream> outputs_;
};

class Chip : public VDevice {
 public:
  explicit Chip(std::string id) : id_(std::move(id)) { Control::instance().add("vdevices", 1); }
  ~Chip() override { Control::instance().add("vdevices", -1); }
  Expected<std::vector<std::string>> get_physical_devices_ids() const override {
    return std::vector<std::string>{id_};
  }

 private:
  std::string id_;
};

}  // namespace

Expected<std::unique_ptr<VDevice>> VDevice::create(const hailo_vdevice_params_t& params) {
  const auto failure = Control::instance().next("vdevice");
  if (failure != HAILO_SUCCESS) return make_unexpected(failure);
  const auto devices = Control::instance().devices();
  if (params.device_ids != nullptr) {
    if (std::find(devices.begin(), devices.end(), params.device_ids[0].id) == devices.end()) {
      return make_unexpected(HAILO_INVALID_ARGUMENT);
    }
    return std::unique_ptr<VDevice>(std::make_unique<Chip>(params.device_ids[0].id));
  }
  if (devices.empty()) return make_unexpected(HAILO_OUT_OF_PHYSICAL_DEVICES);
  return std::unique_ptr<VDevice>(std::make_unique<Chip>(devices.front()));
}

Expected<std::shared_ptr<InferModel>> VDevice::create_infer_model(const std::string& hef_path,
                                                                  const std::string&) {
  const auto failure = Control::instance().next("infer_model");
  if (failure != HAILO_SUCCESS) return make_unexpected(failure);
  auto network = std::make_shared<Network>();
  if (!network->read(hef_path)) return make_unexpected(HAILO_HEF_FILE_CORRUPTED);
  return std::shared_ptr<InferModel>(std::move(network));
}

}  // namespace hailort
