// SPDX-License-Identifier: MIT
// What the property "references" of quanttee says.
#pragma once

#include <string_view>
#include <vector>

#include "quant/backend/context.h"
#include "quant/base/result.h"

namespace quant::element {

// "original,emulator": rungs of the ladder, the main one first. "emulator" is the name of the
// context quantized for people who think of who runs it. InvalidArgument naming what is unknown,
// twice there or missing.
Result<std::vector<ContextKind>> parse_references(std::string_view list);

}  // namespace quant::element
