// SPDX-License-Identifier: MIT
#include "quantinfer/open_device.h"

#include <utility>

#include "quant/backend/open_driver.h"

namespace quant::element {

namespace {

Result<std::unique_ptr<DeviceRunner>> open_runner(const InferSettings& settings,
                                                  const std::shared_ptr<const Model>& model) {
  SessionOptions options = settings.session;
  options.device.model_path = settings.device_model;
  const auto backend = settings.backend == BackendChoice::kFake ? kFakeBackend : kHailortBackend;
  QUANT_TRY_ASSIGN(auto driver,
                   open_driver(backend, settings.device_model, model, settings.threads));
  return DeviceRunner::open(std::move(driver), model, options);
}

}  // namespace

Result<OpenedDevice> open_device(const InferSettings& settings,
                                 const std::shared_ptr<const Model>& model) {
  const bool is_auto = settings.backend == BackendChoice::kAuto;
  if (settings.backend == BackendChoice::kEmulator) return OpenedDevice{};
  if (settings.device_model.empty() && settings.backend != BackendChoice::kFake) {
    if (is_auto) return OpenedDevice{nullptr, "device-model names no compiled network", false};
    return fail(ErrorCode::kNotFound,
                "no compiled network: set device-model to the .hef made from the same model",
                "device-model");
  }
  auto runner = open_runner(settings, model);
  if (runner) return OpenedDevice{std::move(*runner), {}, true};
  if (!is_auto) return tl::unexpected(std::move(runner).error());
  return OpenedDevice{nullptr, runner.error().text(), true};
}

}  // namespace quant::element
