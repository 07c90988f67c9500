// SPDX-License-Identifier: MIT
// The property "stats" of quantinfer; docs/elements.md describes its fields.
#pragma once

#include <gst/gst.h>

#include <string>

#include "quantinfer/device_stage.h"

namespace quant::element {

// Of a run on the emulator; `reason` (may be empty) says why backend=auto chose it.
GstStructure* make_emulator_stats(std::uint64_t frames, const std::string& reason);
GstStructure* make_device_stats(const char* driver, const DeviceStageStats& stats);

}  // namespace quant::element
