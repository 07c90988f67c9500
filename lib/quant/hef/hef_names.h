// SPDX-License-Identifier: MIT
// The numbers of the format and what the vendor's runtime calls them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/hef/hef_file.h"
#include "quant/tensor/device_layout.h"

namespace quant {

// "HAILO8L"; "architecture 42" of an unknown one.
std::string hef_architecture_name(std::uint32_t architecture);
// Devices that the runtime (5.2) lets such a file run on; empty of an unknown one.
std::vector<std::string> hef_compatible_architectures(std::uint32_t architecture);
// Of these two a file holds several arrangements on the chip.
bool has_arrangements(std::uint32_t architecture);

std::string hef_extension_name(std::uint32_t id);

// How a stream's format number is to be read.
struct HefFormat {
  HefContent content = HefContent::kUnknown;
  std::string device_order;          // the runtime's name of it on the device
  std::string host_order;            // and of what a program gets
  std::optional<DeviceOrder> order;  // kTensor
};
HefFormat hef_format(std::uint32_t format);

// The order of a picture of several planes; empty of an unknown one.
std::string hef_planes_order(std::uint32_t format);
// The order of a host operation's output; empty where the runtime decides (0, or unknown).
std::string hef_host_order(std::uint32_t order);

}  // namespace quant
