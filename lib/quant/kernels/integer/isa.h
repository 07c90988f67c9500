// SPDX-License-Identifier: MIT
// Which instruction set the integer kernels use: the best of this CPU, or the one that is forced.
#pragma once

#include <string_view>
#include <vector>

#include "quant/base/result.h"

namespace quant {

enum class Isa {
  kRef,         // portable scalar loops, normative
  kSse4,        // 128 bit
  kAvx2,        // 256 bit
  kAvxVnni,     // 256 bit, with 8-bit dot products
  kAvx512,      // 512 bit
  kAvx512Vnni,  // 512 bit, with 8-bit dot products and look-ups of bytes (VNNI, VBMI)
  kNeon,        // 128 bit
  kNeonDot,     // 128 bit, with 8-bit dot products
};

// "ref", "sse4", "avx2", "avxvnni", "avx512", "avx512vnni", "neon", "neondot": the values of
// GST_QUANT_ISA.
const char* to_string(Isa isa);
// The instruction set of vectors that `isa` extends: what a kernel runs on that has no use for the
// extension. Any other is its own.
Isa base_of(Isa isa);
// What is compiled in and what this CPU can run, best first; kRef is always the last.
std::vector<Isa> available_isas();
// InvalidArgument for a name that is unknown or not available here; the message lists those that
// are.
Result<Isa> isa_from_string(std::string_view name);
// The environment variable GST_QUANT_ISA where it is set and not empty (errors as above), else the
// best available. Reads the environment at every call: ask once, when a plan is made.
Result<Isa> selected_isa();

}  // namespace quant
