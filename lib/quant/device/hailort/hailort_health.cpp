// SPDX-License-Identifier: MIT
#include "quant/device/hailort/hailort_health.h"

#include <fmt/format.h>
#include <hailo/hailort.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <mutex>
#include <vector>

#include "quant/device/hailort/hailort_status.h"

namespace quant::hailort {
namespace {

constexpr float kHertzPerMegahertz = 1e6F;

const char* architecture_name(hailo_device_architecture_t architecture) {
  // Number 7 changed its meaning between 4.x and 5.x, and others follow: only what is the same in
  // both is named.
  switch (static_cast<int>(architecture)) {
    case HAILO_ARCH_HAILO8_A0:
      return "HAILO8_A0";
    case HAILO_ARCH_HAILO8:
      return "HAILO8";
    case HAILO_ARCH_HAILO8L:
      return "HAILO8L";
    case HAILO_ARCH_HAILO15H:
      return "HAILO15H";
    case HAILO_ARCH_HAILO15L:
      return "HAILO15L";
    case HAILO_ARCH_HAILO15M:
      return "HAILO15M";
    case HAILO_ARCH_HAILO10H:
      return "HAILO10H";
    default:
      return "";
  }
}

}  // namespace

std::string library_version() {
  hailo_version_t version{};
  if (hailo_get_library_version(&version) != HAILO_SUCCESS) return {};
  return fmt::format("{}.{}.{}", version.major, version.minor, version.revision);
}

std::string driver_version() {
  // The two product lines have kernel modules of their own.
  for (const char* module : {"hailo_pci", "hailo1x_pci"}) {
    std::ifstream file(fmt::format("/sys/module/{}/version", module));
    std::string version;
    if (std::getline(file, version)) return fmt::format("{} {}", module, version);
  }
  return {};
}

std::size_t count_devices() {
  constexpr std::size_t kRoom = 32;
  std::vector<hailo_device_id_t> ids(kRoom);
  std::size_t count = ids.size();
  const hailo_status status = hailo_scan_devices(nullptr, ids.data(), &count);
  return status == HAILO_SUCCESS || status == HAILO_INSUFFICIENT_BUFFER ? count : 0;
}

struct HealthMonitor::State {
  std::mutex mutex;
  Place place;
  hailo_device device = nullptr;

  hailo_status open() {
    if (device != nullptr) return HAILO_SUCCESS;
    hailo_device_id_t id{};
    if (place.device.size() >= sizeof(id.id)) return HAILO_INVALID_ARGUMENT;
    std::copy(place.device.begin(), place.device.end(), id.id);
    return hailo_create_device_by_id(&id, &device);
  }
};

HealthMonitor::HealthMonitor(std::string device_id) : state_(std::make_unique<State>()) {
  state_->place.device = std::move(device_id);
}

HealthMonitor::~HealthMonitor() {
  if (state_->device != nullptr) hailo_release_device(state_->device);
}

void HealthMonitor::identify(DeviceInfo& info) {
  const std::lock_guard lock(state_->mutex);
  hailo_device_identity_t identity{};
  if (state_->open() != HAILO_SUCCESS ||
      hailo_identify(state_->device, &identity) != HAILO_SUCCESS) {
    return;
  }
  info.architecture = architecture_name(identity.device_architecture);
  info.firmware = fmt::format("{}.{}.{}", identity.fw_version.major, identity.fw_version.minor,
                              identity.fw_version.revision);
}

DeviceResult<DeviceHealth> HealthMonitor::read() {
  const std::lock_guard lock(state_->mutex);
  if (const hailo_status status = state_->open(); status != HAILO_SUCCESS) {
    return tl::unexpected(to_device_error(status, hailo_get_status_message(status),
                                          "opening it for its temperature", state_->place));
  }
  DeviceHealth health;
  hailo_chip_temperature_info_t temperature{};
  const hailo_status status = hailo_get_chip_temperature(state_->device, &temperature);
  if (status == HAILO_SUCCESS) {
    // Two sensors at opposite corners of the chip; the hotter one decides when it slows down.
    health.temperature_c = std::max(temperature.ts0_temperature, temperature.ts1_temperature);
  }
  hailo_extended_device_information_t extended{};
  if (hailo_get_extended_device_information(state_->device, &extended) == HAILO_SUCCESS) {
    health.clock_mhz =
        static_cast<float>(extended.neural_network_core_clock_rate) / kHertzPerMegahertz;
  }
  float power_w = 0;
  if (hailo_power_measurement(state_->device, HAILO_DVM_OPTIONS_AUTO,
                              HAILO_POWER_MEASUREMENT_TYPES__AUTO, &power_w) == HAILO_SUCCESS) {
    health.power_w = power_w;
  }
  if (!health.temperature_c && !health.clock_mhz && !health.power_w) {
    return tl::unexpected(to_device_error(status, hailo_get_status_message(status),
                                          "reading its temperature", state_->place));
  }
  return health;
}

}  // namespace quant::hailort
