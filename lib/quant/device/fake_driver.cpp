// SPDX-License-Identifier: MIT
#include "quant/device/fake_driver.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "quant/base/version.h"
#include "quant/device/fake_device.h"

namespace quant {
namespace {

constexpr const char* kAnyDevice = "fake:0";
constexpr const char* kOwnGroup = "gst-quant";

// Who has which device of this process. Thread-safe.
class Claims {
 public:
  static Claims& of_process() {
    static auto* const claims = new Claims;
    return *claims;
  }

  DeviceResult<std::shared_ptr<const void>> claim(const std::string& id, const std::string& group) {
    const std::lock_guard lock(mutex_);
    auto& [holder, count] = held_[id];
    if (count > 0 && holder != group) {
      return device_fail(
          DeviceFault::kBusy,
          fmt::format("{} is in use by the group {}: name that one, or another device", id, holder),
          73);
    }
    holder = group;
    ++count;
    return std::shared_ptr<const void>(&count, [this, id](const void*) {
      const std::lock_guard release(mutex_);
      --held_[id].second;
    });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, int>> held_;
};

class FakeDriver : public DeviceDriver {
 public:
  FakeDriver(const FakeOptions& options, FakeNetworkMaker make_network)
      : fate_(std::make_shared<FakeFate>(options)), make_network_(std::move(make_network)) {}

  const char* name() const override { return "fake"; }
  std::string library_version() const override { return version(); }

  DeviceResult<std::unique_ptr<Device>> open(const DeviceOptions& options) override {
    if (const auto fault = fate_->next_opening()) {
      return tl::unexpected<DeviceError>(fake_error(fault->status));
    }
    DeviceInfo info;
    info.id = options.device_id.empty() ? kAnyDevice : options.device_id;
    if (!info.id.starts_with("fake:")) {
      return device_fail(
          DeviceFault::kNoDevice,
          fmt::format("there is no fake device {}: their names begin with fake:", info.id), 2);
    }
    info.architecture = "a device that is not there";
    info.library = fmt::format("gst-quant {}", version());
    auto claimed = Claims::of_process().claim(
        info.id, options.group_id.empty() ? kOwnGroup : options.group_id);
    if (!claimed) return tl::unexpected<DeviceError>(std::move(claimed).error());
    auto network = make_network_();
    if (!network) return device_fail(DeviceFault::kInvalidModel, network.error().text(), 26);
    return std::make_unique<FakeDevice>(fate_, std::move(*network), std::move(info),
                                        std::move(*claimed));
  }

 private:
  const std::shared_ptr<FakeFate> fate_;
  const FakeNetworkMaker make_network_;
};

}  // namespace

std::shared_ptr<DeviceDriver> make_fake_driver(const FakeOptions& options,
                                               FakeNetworkMaker make_network) {
  return std::make_shared<FakeDriver>(options, std::move(make_network));
}

}  // namespace quant
