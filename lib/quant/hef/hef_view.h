// SPDX-License-Identifier: MIT
// What a program sees of streams and of operations on the host.
#pragma once

#include <vector>

#include "hef_messages.pb.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant {

// Of one stream: its parts' where it is a mux, the whole's where it is a piece of an output that
// `fused` puts together. InvalidData where that has no such output.
Result<std::vector<HefView>> views_of(const HefStream& stream, const gst_quant_hef::Fused& fused);

}  // namespace quant
