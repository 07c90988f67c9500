// SPDX-License-Identifier: MIT
// What holds of every HefFile, however the file came about that it was read from. For programs
// without a test framework, too: the fuzzer uses it.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "quant/base/text_check.h"
#include "quant/hef/hef_file.h"

namespace quant::testing {

// What is wrong with the stream; empty where nothing is.
inline std::string unsound(const HefStream& stream) {
  if (!is_printable(stream.name)) return "a name that is no text";
  for (const std::string& name : stream.original_names) {
    if (!is_printable(name)) return "an original name that is no text";
  }
  if (stream.type != DataType::kUint8 && stream.type != DataType::kUint16) return "an odd type";
  if (stream.layout) {
    if (!check_layout(*stream.layout)) return "a layout that check_layout refuses";
    if (stream.content != HefContent::kTensor) return "a layout of what is no tensor";
  } else if (stream.layout.error().message.empty()) {
    return "a layout's error without a message";
  }
  if (stream.quant) {
    const QuantParams& params = *stream.quant;
    if (params.scale.size() != params.zero_point.size()) return "scales without zero points";
    if (params.scale.size() != 1 && params.scale.size() != static_cast<std::size_t>(stream.size[2]))
      return "neither one scale nor one per channel";
    const auto bad = [](float scale) { return !(scale > 0) || !std::isfinite(scale); };
    if (std::any_of(params.scale.begin(), params.scale.end(), bad)) return "a scale that is none";
  } else if (stream.quant.error().message.empty()) {
    return "an error of parameters without a message";
  }
  for (const HefStream& part : stream.parts) {
    if (std::string wrong = unsound(part); !wrong.empty()) return wrong;
  }
  return {};
}

inline std::string unsound(const HefFile& file) {
  if (file.groups.empty()) return "no group";
  for (const HefGroup& group : file.groups) {
    if (group.contexts < 1 || group.networks.empty()) return "a group of nothing";
    for (const HefStream& stream : group.streams) {
      if (std::string wrong = unsound(stream); !wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace quant::testing
