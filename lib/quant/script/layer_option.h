// SPDX-License-Identifier: MIT
// Layers named on a command line, as a model script names them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/script/layer.h"

namespace quant {

// `text` is one selector or several with commas: conv1, {conv1[0-9]}, "/conv/Conv". Indices in
// `layers`, each once, ascending. InvalidArgument with the place in the text, a caret and, for what
// matches nothing, the close names; `option` is what messages call the text (--taps).
Result<std::vector<std::size_t>> layers_of_option(const std::string& text,
                                                  const std::string& option,
                                                  std::span<const Layer> layers);

}  // namespace quant
