// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "quant/tensor/tensor.h"

namespace quant {

// Real weights of layers before they are rounded, by name of the layer, where they are others than
// the float graph's: float32, in the order of the integer graph (lower_weighted.h).
using LayerWeights = std::map<std::string, Tensor>;

}  // namespace quant
