// SPDX-License-Identifier: MIT
// The version of gst-quant that this library was built as.
#pragma once

namespace quant {

// "0.1.0": the version of the CMake project.
const char* version();

}  // namespace quant
