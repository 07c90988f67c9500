// SPDX-License-Identifier: MIT
// From the name that a program knows to layout and quantization parameters.
#pragma once

#include <string_view>

#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant {

// The stream, or the part of a muxed one, that is called `name`; else the only one that carries
// `name` among its original names. Points into `file`. NotFound, with the names there are;
// InvalidArgument where several original names fit; Unsupported where a program does not see this
// tensor but what the host makes of it.
Result<const HefStream*> find_stream(const HefFile& file, HefDirection direction,
                                     std::string_view name);

}  // namespace quant
