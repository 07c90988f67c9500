// SPDX-License-Identifier: MIT
// One edge of the network on the device: what it is and how it lies in memory.
#pragma once

#include <string>

#include "hef_messages.pb.h"
#include "quant/base/result.h"
#include "quant/hef/extensions.h"
#include "quant/hef/hef_file.h"

namespace quant {

// What a stream's fields do not say themselves.
struct HefStreamSetting {
  HefRules rules;
  bool transposed_network = false;  // old files: all streams are
  HefDirection direction = HefDirection::kInput;
  std::string network;
  int context = 0;
};

// InvalidData, naming the stream where it has a name: a kind without its fields, values of neither
// one nor two bytes, names that are no text. What is wrong with sizes or scales alone is an error
// inside the stream.
Result<HefStream> read_stream(const gst_quant_hef::Edge& edge, const HefStreamSetting& setting);

HefBoxes boxes_of(const gst_quant_hef::Boxes& boxes);

}  // namespace quant
