// SPDX-License-Identifier: MIT
// What can go wrong between a network's outputs and the tensors that a program has in its hands.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace quant {

enum class Fault {
  kLayout,
  kHeightWidth,
  kRead16As8,
  kRead8As16,
  kPerTensor,
  kChannelOrder,
  kForeignParameters,
  kNotDequantized,
  kDequantizedTwice,
  kActivationMissing,
  kActivationTwice,
  kOutputsSwapped,
  kStaleFrame,
  kSaturation,
  kColorOrder,
  kNormalizationMissing,
  kNormalizationTwice,
  kResize,
};

// What does not depend on the case.
struct FaultText {
  Fault fault;
  const char* id;      // "layout"
  const char* remedy;  // the line of code or configuration to change
};

// One per enumerator, in their order.
std::span<const FaultText> fault_texts();
const FaultText& text_of(Fault fault);

// One fault as it was found.
struct Cause {
  Fault fault = Fault::kLayout;
  std::string found;  // "it lies in memory as NHCW, and was read as dense NHWC"

  bool operator==(const Cause&) const = default;
};

// "layout + stale-frame"
std::string ids_of(std::span<const Cause> causes);
// What was found, joined to one half sentence.
std::string sentence_of(std::span<const Cause> causes);

}  // namespace quant
