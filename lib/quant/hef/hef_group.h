// SPDX-License-Identifier: MIT
// One network group, wherever in the file its generation of compiler put the network.
#pragma once

#include <cstdint>

#include "hef_messages.pb.h"
#include "quant/base/result.h"
#include "quant/hef/extensions.h"
#include "quant/hef/hef_file.h"

namespace quant {

// InvalidData, naming the group, where it holds no network, two streams of one name, a stream of no
// network, or what read_stream and read_host_operation refuse.
Result<HefGroup> read_group(const gst_quant_hef::Group& group, const HefRules& rules,
                            std::uint32_t architecture);

}  // namespace quant
