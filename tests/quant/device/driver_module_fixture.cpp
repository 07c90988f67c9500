// SPDX-License-Identifier: MIT
// Drivers that load_driver meets in its test, one library each: FIXTURE_VERSION is the version that
// it claims, FIXTURE_REFUSES whether it then refuses to work.
#include "quant/device/driver_module.h"

namespace {

class NoDriver : public quant::DeviceDriver {
 public:
  const char* name() const override { return "fixture"; }
  std::string library_version() const override { return "7"; }
  quant::DeviceResult<std::unique_ptr<quant::Device>> open(const quant::DeviceOptions&) override {
    return quant::device_fail(quant::DeviceFault::kNoDevice, "a fixture opens nothing", 74);
  }
};

quant::DeviceResult<quant::DeviceDriver*> driver() {
  static NoDriver fixture;
  if (FIXTURE_REFUSES) {
    return quant::device_fail(quant::DeviceFault::kVersionMismatch,
                              "built for version 7, version 8 is installed");
  }
  return &fixture;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const quant::DriverModule*
gst_quant_driver_module();

const quant::DriverModule* gst_quant_driver_module() {
  static const quant::DriverModule module = {FIXTURE_VERSION, &driver};
  return &module;
}
