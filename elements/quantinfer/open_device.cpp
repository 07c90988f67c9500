// SPDX-License-Identifier: MIT
#include "quantinfer/open_device.h"

#include <utility>

#include "quant/backend/emulated_network.h"
#include "quant/device/driver_module.h"

namespace quant::element {

namespace {

constexpr const char* kHailort = "hailort";

Result<std::shared_ptr<DeviceDriver>> find_driver(const InferSettings& settings,
                                                  const std::shared_ptr<const Model>& model) {
  if (settings.backend == BackendChoice::kFake) {
    QUANT_TRY_ASSIGN(const FakeOptions options, parse_fake_options(settings.device_model));
    return make_fake_driver(options, [model, threads = settings.threads] {
      return make_emulated_network(*model, threads);
    });
  }
  QUANT_TRY_ASSIGN(DeviceDriver * driver, load_driver(kHailort));
  // A module's driver lives as long as the process.
  return std::shared_ptr<DeviceDriver>(driver, [](DeviceDriver*) {});
}

Result<std::unique_ptr<DeviceRunner>> open_runner(const InferSettings& settings,
                                                  const std::shared_ptr<const Model>& model) {
  SessionOptions options = settings.session;
  options.device.model_path = settings.device_model;
  QUANT_TRY_ASSIGN(auto driver, find_driver(settings, model));
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
