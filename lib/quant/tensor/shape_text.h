// SPDX-License-Identifier: MIT
// Shapes as people write them.
#pragma once

#include <optional>
#include <string_view>

#include "quant/tensor/shape.h"

namespace quant {

// "1x3x240x320": positive dimensions. Nothing where the text is no such shape.
std::optional<Shape> shape_from_string(std::string_view text);

}  // namespace quant
