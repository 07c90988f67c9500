// SPDX-License-Identifier: MIT
// The few edits that passes make on a graph. Node indices stay valid until remove_unused() is
// called.
#pragma once

#include <optional>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Every reader of `from`, and every graph output that is `from`, takes `to` instead. A graph output
// keeps its name: `to` gets it.
void replace_value(Graph& graph, ValueId from, ValueId to);

// Who reads what, and who makes it; rebuilt by the pass after an edit.
class Topology {
 public:
  explicit Topology(const Graph& graph);

  // The node that reads `id`, where it is the only one and `id` is no graph output.
  std::optional<std::size_t> only_reader(ValueId id) const;
  const std::vector<std::size_t>& readers(ValueId id) const {
    return readers_[static_cast<std::size_t>(id)];
  }
  std::optional<std::size_t> producer(ValueId id) const {
    return producers_[static_cast<std::size_t>(id)];
  }
  bool is_output(ValueId id) const { return is_output_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<std::optional<std::size_t>> producers_;
  std::vector<bool> is_output_;
};

}  // namespace quant
