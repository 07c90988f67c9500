// SPDX-License-Identifier: MIT
// What one core could do at most with the exact products of an instruction set: pairs of int16, or
// dot products of four bytes, added into int32, operands in registers.
#pragma once

#include "quant/kernels/integer/isa.h"

namespace quant {

// Billions of multiply-adds per second, measured now (about 5 ms): the clock moves, so measure it
// beside what is compared with it. 0 for kRef.
double multiply_add_limit(Isa isa);

}  // namespace quant
