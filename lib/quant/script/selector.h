// SPDX-License-Identifier: MIT
// Which layers a command means: names (conv1, net/conv1), patterns ({conv*}), names of ONNX nodes
// ("/model/conv/Conv"), or a list of them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "quant/script/diagnostic.h"
#include "quant/script/layer.h"

namespace quant {

// Equal where they say the same; where they stand does not count.
struct SelectorItem {
  enum class Kind { kName, kGlob, kOriginalName };

  Kind kind = Kind::kName;
  std::string text;
  SourcePosition at;

  bool operator==(const SelectorItem& other) const {
    return kind == other.kind && text == other.text;
  }
};

struct Selector {
  std::vector<SelectorItem> items;

  bool empty() const { return items.empty(); }
  bool operator==(const Selector&) const = default;
};

// As in a script: conv1, {conv*}, "/conv/Conv".
std::string to_text(const SelectorItem& item);
// One item as itself, several as a list.
std::string to_text(const Selector& selector);

// A name or pattern without a scope is compared with the layer's name, one with a scope with both.
bool matches(const SelectorItem& item, const Layer& layer);

// Indices in `layers`, each once, ascending. Items that match nothing are reported with their close
// names.
std::vector<std::size_t> select_layers(const Selector& selector, std::span<const Layer> layers,
                                       std::vector<Diagnostic>& errors);

}  // namespace quant
