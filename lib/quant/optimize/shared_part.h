// SPDX-License-Identifier: MIT
// What two integer graphs compute alike.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// By ValueId of `graph`: whether `other` has a value of that name and makes the same integers of
// the same inputs, by nodes that agree in all they compute with. True of constants that are equal.
// `other` is sound (verify()).
std::vector<bool> values_in_common(const Graph& graph, const Graph& other);

}  // namespace quant
