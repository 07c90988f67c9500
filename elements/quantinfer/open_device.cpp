// SPDX-License-Identifier: MIT
#include "quantinfer/open_device.h"

#include <utility>

#include "quant/backend/open_driver.h"

namespace quant::element {

namespace {

tl::expected<std::unique_ptr<DeviceRunner>, FaultError> open_runner(
    const InferSettings& settings, const std::shared_ptr<const Model>& model) {
  SessionOptions options = settings.session;
  options.device.model_path = settings.device_model;
  const auto backend = settings.backend == BackendChoice::kFake ? kFakeBackend : kHailortBackend;
  QUANT_TRY_ASSIGN(auto driver,
                   open_driver(backend, settings.device_model, model, settings.threads));
  return DeviceRunner::open(std::move(driver), *model, options);
}

}  // namespace

tl::expected<OpenedDevice, FaultError> open_device(const InferSettings& settings,
                                                   const std::shared_ptr<const Model>& model) {
  const bool is_auto = settings.backend == BackendChoice::kAuto;
  if (settings.backend == BackendChoice::kEmulator) return OpenedDevice{};
  if (settings.device_model.empty() && settings.backend != BackendChoice::kFake) {
    if (is_auto) return OpenedDevice{nullptr, "device-model names no compiled network", {}};
    return fail(ErrorCode::kNotFound,
                "no compiled network: set device-model to the .hef made from the same model",
                "device-model");
  }
  auto runner = open_runner(settings, model);
  if (runner) return OpenedDevice{std::move(*runner), {}, {}};
  if (!is_auto) return tl::unexpected(std::move(runner).error());
  const std::string reason = runner.error().text();
  const Error warning{
      runner.error().code, "the emulator runs the network, because no device does: " + reason, {}};
  return OpenedDevice{nullptr, reason, FaultError(warning, runner.error().fault)};
}

}  // namespace quant::element
