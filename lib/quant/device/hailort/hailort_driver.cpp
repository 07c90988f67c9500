// SPDX-License-Identifier: MIT
// The module libgstquant-hailort.so: HailoRT behind the DeviceDriver interface. Compiled against
// the headers that are installed, and refused where another library is loaded than that.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "quant/base/version.h"
#include "quant/device/driver_module.h"
#include "quant/device/hailort/hailort_device.h"
#include "quant/device/hailort/hailort_health.h"

namespace quant::hailort {
namespace {

using ::hailort::VDevice;

// Sessions that name no group share one device: several networks take turns on it.
constexpr const char* kDefaultGroup = "gst-quant";

std::string built_for() {
  return fmt::format("{}.{}.{}", HAILORT_MAJOR_VERSION, HAILORT_MINOR_VERSION,
                     HAILORT_REVISION_VERSION);
}

class HailortDriver : public DeviceDriver {
 public:
  const char* name() const override { return "hailort"; }
  std::string library_version() const override { return hailort::library_version(); }

  DeviceResult<std::unique_ptr<Device>> open(const DeviceOptions& options) override {
    // HailoRT is built with exceptions and promises none.
    try {
      return open_device(options);
    } catch (const std::exception& exception) {
      return device_fail(DeviceFault::kOther,
                         fmt::format("HailoRT threw an exception: {}", exception.what()));
    }
  }

 private:
  static long page_size() { return sysconf(_SC_PAGESIZE); }

  DeviceResult<std::unique_ptr<Device>> open_device(const DeviceOptions& options) {
    Place place{.device = options.device_id,
                .library = library_version(),
                .driver = driver_version(),
                .architecture = {},
                .model = options.model_path,
                .page_size = page_size()};
    if (std::getenv("HAILO_DISABLE_PP") != nullptr) {
      return device_fail(DeviceFault::kUnsupported,
                         "HAILO_DISABLE_PP is set, which changes the shapes of outputs: unset it");
    }
    auto vdevice = share_vdevice(options, place);
    if (!vdevice) return tl::unexpected(std::move(vdevice).error());
    if (place.device.empty()) {
      const auto ids = (*vdevice)->get_physical_devices_ids();
      if (ids && !ids->empty()) place.device = ids->front();
    }
    return configure_device(std::move(*vdevice), options, std::move(place));
  }

  DeviceResult<std::shared_ptr<VDevice>> share_vdevice(const DeviceOptions& options,
                                                       const Place& place) {
    const std::string group = options.group_id.empty() ? kDefaultGroup : options.group_id;
    const std::lock_guard lock(mutex_);
    std::weak_ptr<VDevice>& known = vdevices_[{group, options.device_id}];
    if (auto shared = known.lock()) return shared;

    hailo_vdevice_params_t params{};
    if (const hailo_status status = hailo_init_vdevice_params(&params); status != HAILO_SUCCESS) {
      return tl::unexpected(error_of(status, "preparing to open it", place));
    }
    params.scheduling_algorithm = HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN;
    params.group_id = group.c_str();
    hailo_device_id_t id{};
    if (!options.device_id.empty()) {
      if (options.device_id.size() >= sizeof(id.id)) {
        return device_fail(DeviceFault::kNoDevice,
                           fmt::format("no device has the id {}", options.device_id));
      }
      options.device_id.copy(id.id, options.device_id.size());
      params.device_ids = &id;
      params.device_count = 1;
    }
    auto created = VDevice::create(params);
    if (!created) return refused(created.status(), options, place);
    std::shared_ptr<VDevice> vdevice = created.release();
    known = vdevice;
    return vdevice;
  }

  static tl::unexpected<DeviceError> refused(hailo_status status, const DeviceOptions& options,
                                             const Place& place) {
    DeviceError error = error_of(status, "opening it", place);
    // One code stands for "all in use" and for "none there", and an id that nobody has is an
    // argument that nobody can use.
    if (error.fault == DeviceFault::kBusy && count_devices() == 0) {
      error.fault = DeviceFault::kNoDevice;
      error.message = fmt::format("HailoRT {} finds no device{}", place.library,
                                  place.driver.empty() ? ": no driver is loaded" : "");
    } else if (error.fault == DeviceFault::kInvalidUse && !options.device_id.empty()) {
      error.fault = DeviceFault::kNoDevice;
      error.message = fmt::format("no device has the id {}", options.device_id);
    }
    return tl::unexpected(std::move(error));
  }

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<VDevice>> vdevices_;  // mutex
};

// C++ objects cross between the module and the library: another release has other ones.
DeviceResult<DeviceDriver*> driver() {
  const std::string wanted = built_for();
  const std::string loaded = library_version();
  if (loaded != wanted) {
    return device_fail(
        DeviceFault::kVersionMismatch,
        fmt::format("the module was built with HailoRT {}, and {} is installed: install {}, or "
                    "build the module again",
                    wanted, loaded.empty() ? "an unknown one" : loaded, wanted));
  }
  // Never destroyed: a device must not be closed while the process takes its statics down.
  static auto* const instance = new HailortDriver;
  return instance;
}

}  // namespace
}  // namespace quant::hailort

extern "C" __attribute__((visibility("default"))) const quant::DriverModule*
gst_quant_driver_module();

const quant::DriverModule* gst_quant_driver_module() {
  static const quant::DriverModule module = {quant::version(), &quant::hailort::driver};
  return &module;
}
