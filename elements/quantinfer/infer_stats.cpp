// SPDX-License-Identifier: MIT
#include "quantinfer/infer_stats.h"

namespace quant::element {

namespace {

constexpr const char* kName = "application/x-quantinfer-stats";

void set_count(GstStructure* structure, const char* name, std::uint64_t count) {
  gst_structure_set(structure, name, G_TYPE_UINT64, static_cast<guint64>(count), nullptr);
}

void set_text(GstStructure* structure, const char* name, const std::string& text) {
  if (!text.empty()) gst_structure_set(structure, name, G_TYPE_STRING, text.c_str(), nullptr);
}

void set_figure(GstStructure* structure, const char* name, const std::optional<float>& figure) {
  if (figure)
    gst_structure_set(structure, name, G_TYPE_DOUBLE, static_cast<gdouble>(*figure), nullptr);
}

// Those that happened, as "time-out" = 2.
GstStructure* make_faults(const SessionStats& stats) {
  GstStructure* faults = gst_structure_new_empty("faults");
  for (std::size_t i = 0; i < stats.faults.size(); ++i) {
    if (stats.faults[i] == 0) continue;
    std::string name = to_string(static_cast<DeviceFault>(i));
    for (char& letter : name) {
      if (letter == ' ') letter = '-';
    }
    set_count(faults, name.c_str(), stats.faults[i]);
  }
  return faults;
}

}  // namespace

GstStructure* make_emulator_stats(std::uint64_t frames, const std::string& reason) {
  GstStructure* structure = gst_structure_new(kName, "backend", G_TYPE_STRING, "emulator", nullptr);
  set_text(structure, "reason", reason);
  set_count(structure, "frames", frames);
  return structure;
}

GstStructure* make_device_stats(const char* driver, const DeviceStageStats& stats) {
  GstStructure* structure = gst_structure_new(kName, "backend", G_TYPE_STRING, driver, nullptr);
  set_text(structure, "device", stats.device.id);
  set_text(structure, "architecture", stats.device.architecture);
  set_text(structure, "library", stats.device.library);
  set_text(structure, "driver", stats.device.driver);
  set_text(structure, "firmware", stats.device.firmware);
  set_count(structure, "frames", stats.frames);
  set_count(structure, "failed", stats.failed);
  set_count(structure, "dropped", stats.dropped);
  set_count(structure, "emulated", stats.emulated);
  const SessionStats& session = stats.session;
  GstStructure* faults = make_faults(session);
  gst_structure_set(structure, "faults", GST_TYPE_STRUCTURE, faults, "hanging", G_TYPE_BOOLEAN,
                    static_cast<gboolean>(session.hanging), nullptr);
  gst_structure_free(faults);
  set_count(structure, "retries", session.retries);
  set_count(structure, "reconfigured", session.reconfigured);
  set_count(structure, "reopened", session.reopened);
  set_count(structure, "abandoned", session.abandoned);
  set_count(structure, "late", session.late);
  set_count(structure, "repeated", session.repeated);
  set_figure(structure, "temperature-c", stats.health.temperature_c);
  set_figure(structure, "clock-mhz", stats.health.clock_mhz);
  set_figure(structure, "power-w", stats.health.power_w);
  return structure;
}

}  // namespace quant::element
