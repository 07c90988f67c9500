// SPDX-License-Identifier: MIT
// A model on a device: which stream is which tensor of the model, and the frames through it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quant/backend/model.h"
#include "quant/base/result.h"
#include "quant/device/device_session.h"
#include "quant/kernels/relayout/relayout.h"
#include "quant/tensor/device_tensor.h"

namespace quant {

// A raw output of the model as it comes from the device.
struct DeviceOutput {
  std::string name;  // ONNX name
  std::size_t stream = 0;
  DeviceLayout layout;
  // Of the device, else of the compiled network's file; scales along axis 3.
  std::optional<QuantParams> params;
};

// Threads as for DeviceSession.
class DeviceRunner {
 public:
  // Opens the session. InvalidArgument where the compiled network on the device is not one of this
  // model's, naming both; what DeviceSession::open says, in the words of to_error.
  static tl::expected<std::unique_ptr<DeviceRunner>, FaultError> open(
      std::shared_ptr<DeviceDriver> driver, const Model& model, const SessionOptions& options);

  DeviceSession& session() { return *session_; }
  const std::string& device() const { return session_->info().id; }
  const char* driver() const { return driver_->name(); }
  // In the order of the model's raw outputs.
  const std::vector<DeviceOutput>& outputs() const { return outputs_; }

  // As DeviceSession::submit. `input`: uint8 (1, H, W, C), the frame's own pixels, which go to the
  // device without a copy where it takes them as they lie.
  DeviceResult<void> submit(const Tensor& input);
  // As DeviceSession::next, in the order of outputs().
  DeviceResult<std::vector<DeviceTensor>> next();

 private:
  DeviceRunner(std::shared_ptr<DeviceDriver> driver, std::unique_ptr<DeviceSession> session)
      : driver_(std::move(driver)), session_(std::move(session)) {}
  Status check_input(const Model& model) const;
  Status prepare_input();
  Status match_outputs(const Model& model, const std::vector<DeviceStream>& streams);

  std::shared_ptr<DeviceDriver> driver_;
  std::unique_ptr<DeviceSession> session_;
  std::optional<Relayout> lay_out_;  // empty where the device takes pixels as they lie
  std::vector<DeviceOutput> outputs_;
};

}  // namespace quant
