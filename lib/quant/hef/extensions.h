// SPDX-License-Identifier: MIT
// What a file says about how it is to be read.
#pragma once

#include <vector>

#include "hef_messages.pb.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant {

// The extensions that change the meaning of the fields that are read here.
struct HefRules {
  bool net_flow = false;           // networks are operations of their groups
  bool several_networks = false;   // a group names its networks
  bool scale_per_channel = false;  // of outputs
  bool padding_in_file = false;    // padded sizes are those of the frames in every case
};

// InvalidData of text that is none.
Result<std::vector<HefExtension>> read_extensions(const gst_quant_hef::Root& root);
// The optional one of padding and the others; an extension listed as the other kind does not count.
HefRules rules_of(const std::vector<HefExtension>& extensions);

// `bytes` as text; InvalidData, naming `what`, where they are no UTF-8 or have control characters.
Result<std::string> text_of(const std::string& bytes, const char* what);

}  // namespace quant
