// SPDX-License-Identifier: MIT
// An accelerator as this project sees it: what a vendor's module implements and DeviceSession
// drives. Nothing here waits without a bound, and nothing knows the vendor.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/device/device_error.h"
#include "quant/tensor/device_layout.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// One input or output of the network as it lies on the device. A frame is one image.
struct DeviceStream {
  std::string name;  // the vendor's, not ONNX's
  DeviceLayout layout;
  // Scales along the channels count as axis 3 (N, H, W, C). Absent where the device does not know.
  std::optional<QuantParams> params;
  // False where the device puts out records (boxes after NMS), which no scale turns into values.
  bool is_affine = true;
  // Bytes of a frame, ≥ byte_count(layout) where is_affine.
  std::size_t frame_bytes = 0;
};

// Empty where the module cannot say.
struct DeviceInfo {
  std::string id;            // "0000:01:00.0"
  std::string architecture;  // "HAILO8L"
  std::string library;       // "HailoRT 4.23.0"
  std::string driver;        // its version
  std::string firmware;      // its version
};

// Absent where the device does not measure it.
struct DeviceHealth {
  std::optional<float> temperature_c;
  std::optional<float> power_w;
  std::optional<float> clock_mhz;
};

struct DeviceOptions {
  std::string model_path;  // the compiled network
  std::string device_id;   // empty: any
  // Who names the same group shares one device in this process. Empty: the module's default.
  std::string group_id;
  int batch_size = 0;           // 0: the module decides
  int scheduler_threshold = 1;  // frames that wait before the network is switched in
  std::chrono::milliseconds scheduler_timeout{0};  // 0: no limit on that wait
  int scheduler_priority = 16;                     // 0…31, greater is sooner
};

// A frame on its way. The device holds a reference for as long as it may touch the memory, so that
// a device that hangs touches nothing that was given away.
class DeviceJob {
 public:
  virtual ~DeviceJob() = default;
  // As many as inputs() and outputs(), frame_bytes each. Outputs begin on a page and own the rest
  // of their last one.
  virtual std::span<const std::span<const std::byte>> inputs() const = 0;
  virtual std::span<const std::span<std::byte>> outputs() const = 0;
  // Called by the device on any thread, and short: no error means that the outputs are complete. A
  // sound device calls it once; sessions cope with late, repeated and missing calls.
  virtual void done(std::optional<DeviceError> error) = 0;
};

// An open device with one network configured on it. Destroyed after shut_down, on any thread.
class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceInfo& info() const = 0;
  virtual const std::vector<DeviceStream>& inputs() const = 0;
  virtual const std::vector<DeviceStream>& outputs() const = 0;
  // Frames that it takes before wait_ready has to wait. ≥ 1.
  virtual int queue_size() const = 0;

  // One thread at a time for the next three.
  // Until another frame can start: kTimeout, or whatever is wrong with the device.
  virtual DeviceResult<void> wait_ready(std::chrono::milliseconds timeout) = 0;
  // Where it fails, done() is not called.
  virtual DeviceResult<void> start(std::shared_ptr<DeviceJob> job) = 0;
  // The network configured anew on the device that is open: the cure of a time-out that sticks.
  // Jobs in flight are aborted first, as shut_down does it.
  virtual DeviceResult<void> reconfigure(std::chrono::milliseconds timeout) = 0;

  // Any thread.
  virtual DeviceResult<DeviceHealth> health() = 0;
  // Aborts what is in flight: done() gets kAborted. kTimeout where that is not over in time; the
  // device may then still hold jobs, and nothing but its destruction is allowed.
  virtual DeviceResult<void> shut_down(std::chrono::milliseconds timeout) = 0;
};

// What makes devices: one per vendor. Thread-safe.
class DeviceDriver {
 public:
  virtual ~DeviceDriver() = default;
  virtual const char* name() const = 0;             // "hailort"
  virtual std::string library_version() const = 0;  // "4.23.0"
  // Opens the device and configures the network of options.model_path on it.
  virtual DeviceResult<std::unique_ptr<Device>> open(const DeviceOptions& options) = 0;
};

}  // namespace quant
