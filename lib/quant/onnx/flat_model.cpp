// SPDX-License-Identifier: MIT
#include "quant/onnx/flat_model.h"

#include <fmt/format.h>

#include <queue>
#include <string_view>

namespace quant {

std::string qualified_name(const FlatNode& node) {
  return node.domain.empty() ? node.op_type : node.domain + "." + node.op_type;
}

std::string NameSet::unique(const std::string& hint) {
  if (insert(hint)) return hint;
  int& next = next_[hint];
  std::string name;
  do {
    name = fmt::format("{}_{}", hint, ++next);
  } while (!insert(name));
  return name;
}

namespace {

// For every node the nodes that make what it reads.
class Ordering {
 public:
  Ordering(FlatModel& model, const std::function<bool(const std::string&)>& is_known)
      : model_(model), is_known_(is_known) {
    for (const auto* input : model.inputs) inputs_.insert(input->name());
    for (std::size_t node = 0; node < model.nodes.size(); ++node) {
      for (const std::string& output : model.nodes[node].outputs) {
        if (!output.empty()) makers_.emplace(output, node);
      }
    }
  }

  Status mark_needed(const std::vector<std::string>& outputs) {
    needed_.assign(model_.nodes.size(), false);
    for (const std::string& output : outputs) QUANT_TRY(need(output, "the list of outputs names"));
    while (!pending_.empty()) {
      const FlatNode& node = model_.nodes[pending_.back()];
      pending_.pop_back();
      const std::string reader = fmt::format("node '{}' ({}) needs", node.name, node.op_type);
      for (const std::string& input : node.inputs) QUANT_TRY(need(input, reader));
      for (const std::string& input : node.captured) QUANT_TRY(need(input, reader));
    }
    return {};
  }

  Status order() {
    std::vector<std::size_t> missing(model_.nodes.size(), 0);
    std::vector<std::vector<std::size_t>> readers(model_.nodes.size());
    for (std::size_t node = 0; node < model_.nodes.size(); ++node) {
      if (!needed_[node]) continue;
      const auto depend = [&](const std::string& input) {
        const auto maker = makers_.find(input);
        if (maker == makers_.end()) return;
        readers[maker->second].push_back(node);
        ++missing[node];
      };
      for (const std::string& input : model_.nodes[node].inputs) depend(input);
      for (const std::string& input : model_.nodes[node].captured) depend(input);
    }
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    std::size_t wanted = 0;
    for (std::size_t node = 0; node < missing.size(); ++node) {
      if (!needed_[node]) continue;
      ++wanted;
      if (missing[node] == 0) ready.push(node);
    }
    std::vector<FlatNode> sorted;
    sorted.reserve(wanted);
    while (!ready.empty()) {
      const std::size_t node = ready.top();
      ready.pop();
      sorted.push_back(std::move(model_.nodes[node]));
      for (const std::size_t reader : readers[node]) {
        if (--missing[reader] == 0) ready.push(reader);
      }
    }
    if (sorted.size() != wanted) return cycle(missing);
    model_.nodes = std::move(sorted);
    return {};
  }

 private:
  Status need(const std::string& name, const std::string& reader) {
    if (name.empty()) return {};
    if (const auto maker = makers_.find(name); maker != makers_.end()) {
      if (!needed_[maker->second]) {
        needed_[maker->second] = true;
        pending_.push_back(maker->second);
      }
      return {};
    }
    if (inputs_.contains(name) || is_known_(name) || model_.initializers.contains(name) ||
        model_.sparse_initializers.contains(name)) {
      return {};
    }
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} the tensor '{}', which nothing in the model makes", reader, name));
  }

  Status cycle(const std::vector<std::size_t>& missing) const {
    for (std::size_t node = 0; node < missing.size(); ++node) {
      if (!needed_[node] || missing[node] == 0) continue;
      return fail(
          ErrorCode::kInvalidData, "the graph has a cycle through this node",
          fmt::format("node '{}' ({})", model_.nodes[node].name, model_.nodes[node].op_type));
    }
    return fail(ErrorCode::kInternal, "ordering lost a node");
  }

  FlatModel& model_;
  const std::function<bool(const std::string&)>& is_known_;
  std::unordered_set<std::string> inputs_;
  std::unordered_map<std::string, std::size_t> makers_;
  std::vector<bool> needed_;
  std::vector<std::size_t> pending_;
};

}  // namespace

Status sort_nodes(FlatModel& model, const std::vector<std::string>& outputs,
                  const std::function<bool(const std::string&)>& is_known) {
  Ordering ordering(model, is_known);
  QUANT_TRY(ordering.mark_needed(outputs));
  return ordering.order();
}

}  // namespace quant
