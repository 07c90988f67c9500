// SPDX-License-Identifier: MIT
// Ctrl-C as a wish that long work asks for; a second one ends the program as usual.
#pragma once

namespace quant::tool {

// From here on the first Ctrl-C is remembered. Once for the program.
void catch_interrupt();
bool interrupted();

}  // namespace quant::tool
