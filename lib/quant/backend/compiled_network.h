// SPDX-License-Identifier: MIT
// What the file of a compiled network adds to what the device says of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quant/device/device.h"
#include "quant/hef/hef_file.h"

namespace quant {

// Nothing where `path` is no HEF or a damaged one: then the device alone is heard.
std::optional<HefFile> read_compiled(const std::string& path);

// HailoRT's newest interface does not give scales that differ by channel; the file has them.
// Outputs that have parameters keep them, and those whose names the file does not know stay
// without.
void complete_params(std::vector<DeviceStream>& outputs, const HefFile& file);

// One sentence for an error that blames the file, naming what the device cannot know: what it was
// compiled for, by which compiler, and with which extensions of the format. Nothing for other
// faults.
std::string file_says(DeviceFault fault, const HefFile& file);

}  // namespace quant
