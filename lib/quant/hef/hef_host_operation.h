// SPDX-License-Identifier: MIT
// Post-processing that the runtime does on the host: boxes out of tensors, softmax, argmax.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "hef_messages.pb.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant {

struct HefHostResult {
  HefHostOperation operation;
  HefView view;
};

// Null of the network itself. `streams_by_pad` has the device's outputs by number of their pad,
// `edges` leads from an operation's pad to that. InvalidData, naming the operation, where a pad
// leads to no stream, or where it has no output.
Result<std::optional<HefHostResult>> read_host_operation(
    const gst_quant_hef::Operation& operation,
    const std::map<std::uint32_t, const HefStream*>& streams_by_pad,
    const std::map<std::uint32_t, std::uint32_t>& edges, const std::string& network);

}  // namespace quant
