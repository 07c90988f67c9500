// SPDX-License-Identifier: MIT
// A stand-in for HailoRT's C++ header: the asynchronous InferModel interface as far as the module
// of this project uses it. Same names and signatures, another library behind them (stand_in.cpp).
#pragma once

#include <hailo/hailort.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hailort {

class Unexpected {
 public:
  explicit Unexpected(hailo_status status) : status_(status) {}
  hailo_status status() const { return status_; }

 private:
  hailo_status status_;
};

inline Unexpected make_unexpected(hailo_status status) { return Unexpected(status); }

// A value or a status. Like the real one it cannot be assigned to, and release() empties it.
template <typename T>
class Expected {
 public:
  Expected(Unexpected unexpected) : status_(unexpected.status()) {}
  Expected(T&& value) : value_(std::move(value)), status_(HAILO_SUCCESS) {}
  Expected(Expected&&) = default;
  Expected& operator=(const Expected&) = delete;
  Expected& operator=(Expected&&) = delete;

  bool has_value() const { return value_.has_value(); }
  explicit operator bool() const { return has_value(); }
  hailo_status status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T release() {
    T value = std::move(*value_);
    value_.reset();
    status_ = HAILO_UNINITIALIZED;
    return value;
  }

 private:
  std::optional<T> value_;
  hailo_status status_;
};

class HAILORTAPI MemoryView {
 public:
  MemoryView() noexcept = default;
  MemoryView(void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  std::uint8_t* data() noexcept { return static_cast<std::uint8_t*>(data_); }
  std::size_t size() const noexcept { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// An unfinished job that was not detached makes its destructor wait.
class HAILORTAPI AsyncInferJob {
 public:
  AsyncInferJob();
  ~AsyncInferJob();
  AsyncInferJob(AsyncInferJob&& other);
  AsyncInferJob& operator=(AsyncInferJob&& other);
  hailo_status wait(std::chrono::milliseconds timeout);
  void detach();

  struct State;
  explicit AsyncInferJob(std::shared_ptr<State> state);

 private:
  std::shared_ptr<State> state_;
};

struct HAILORTAPI AsyncInferCompletionInfo {
  AsyncInferCompletionInfo(hailo_status status_of_job) : status(status_of_job) {}
  hailo_status status;
};

class HAILORTAPI ConfiguredInferModel {
 public:
  class HAILORTAPI Bindings {
   public:
    class HAILORTAPI InferStream {
     public:
      hailo_status set_buffer(MemoryView view);

      struct State;
      explicit InferStream(std::shared_ptr<State> state) : state_(std::move(state)) {}

     private:
      std::shared_ptr<State> state_;
    };

    Bindings() = default;
    Bindings(const Bindings& other);
    Bindings& operator=(const Bindings& other);
    Expected<InferStream> input(const std::string& name);
    Expected<InferStream> output(const std::string& name);

    struct State;
    explicit Bindings(std::shared_ptr<State> state) : state_(std::move(state)) {}
    const State& state() const { return *state_; }

   private:
    std::shared_ptr<State> state_;
  };

  ConfiguredInferModel() = default;
  Expected<Bindings> create_bindings();
  hailo_status wait_for_async_ready(std::chrono::milliseconds timeout,
                                    std::uint32_t frames_count = 1);
  Expected<AsyncInferJob> run_async(
      const Bindings& bindings,
      std::function<void(const AsyncInferCompletionInfo&)> callback = [](const auto&) {});
  hailo_status set_scheduler_timeout(const std::chrono::milliseconds& timeout);
  hailo_status set_scheduler_threshold(std::uint32_t threshold);
  hailo_status set_scheduler_priority(std::uint8_t priority);
  Expected<std::size_t> get_async_queue_size() const;
  hailo_status shutdown();

  class State;
  explicit ConfiguredInferModel(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

class HAILORTAPI InferModel {
 public:
  class HAILORTAPI InferStream {
   public:
    const std::string name() const;
    hailo_3d_image_shape_t shape() const;
    hailo_format_t format() const;
    std::size_t get_frame_size() const;
    std::vector<hailo_quant_info_t> get_quant_infos() const;
    bool is_nms() const;

    struct State;
    explicit InferStream(std::shared_ptr<const State> state) : state_(std::move(state)) {}

   private:
    std::shared_ptr<const State> state_;
  };

  virtual ~InferModel() = default;
  virtual void set_batch_size(std::uint16_t batch_size) = 0;
  virtual Expected<ConfiguredInferModel> configure() = 0;
  virtual const std::vector<InferStream>& inputs() const = 0;
  virtual const std::vector<InferStream>& outputs() const = 0;
};

class HAILORTAPI VDevice {
 public:
  static Expected<std::unique_ptr<VDevice>> create(const hailo_vdevice_params_t& params);
  virtual ~VDevice() = default;
  virtual Expected<std::shared_ptr<InferModel>> create_infer_model(const std::string& hef_path,
                                                                   const std::string& name = "");
  virtual Expected<std::vector<std::string>> get_physical_devices_ids() const = 0;
};

}  // namespace hailort
