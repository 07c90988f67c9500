// SPDX-License-Identifier: MIT
#include "quant/optimize/shared_part.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace quant {
namespace {

bool same_elements(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  return a.raw() == b.raw() || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& left) {
        using Type = std::decay_t<decltype(left)>;
        const auto& right = std::get<Type>(b);
        if constexpr (std::is_same_v<Type, Tensor>)
          return same_elements(left, right);
        else
          return left == right;
      },
      a);
}

bool same_attributes(const Attributes& a, const Attributes& b) {
  return std::equal(a.all().begin(), a.all().end(), b.all().begin(), b.all().end(),
                    [](const auto& left, const auto& right) {
                      return left.first == right.first && same_attribute(left.second, right.second);
                    });
}

bool same_kind(const Value& a, const Value& b) {
  return a.name == b.name && a.type == b.type && a.shape == b.shape && a.quant == b.quant;
}

class Comparison {
 public:
  Comparison(const Graph& graph, const Graph& other)
      : graph_(graph), other_(other), common_(graph.values.size(), false) {
    for (const Value& value : other.values) values_.emplace(value.name, &value);
    for (const Node& node : other.nodes) {
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) makers_.emplace(other.value(id).name, &node);
      }
    }
  }

  std::vector<bool> run() {
    for (const ValueId id : graph_.inputs) {
      mark(id, std::any_of(other_.inputs.begin(), other_.inputs.end(), [&](ValueId input) {
             return same_kind(graph_.value(id), other_.value(input));
           }));
    }
    for (std::size_t id = 0; id < graph_.values.size(); ++id) {
      if (graph_.values[id].constant) common_[id] = same_constant(graph_.values[id]);
    }
    for (const Node& node : graph_.nodes) {
      const bool same = same_node(node);
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) mark(id, same);
      }
    }
    return std::move(common_);
  }

 private:
  void mark(ValueId id, bool common) { common_[static_cast<std::size_t>(id)] = common; }

  bool same_constant(const Value& value) const {
    const auto found = values_.find(value.name);
    return found != values_.end() && found->second->constant && same_kind(value, *found->second) &&
           same_elements(*value.constant, *found->second->constant);
  }

  bool same_node(const Node& node) const {
    const auto found = makers_.find(graph_.value(node.outputs[0]).name);
    if (found == makers_.end()) return false;
    const Node& twin = *found->second;
    return node.op == twin.op && same_attributes(node.attributes, twin.attributes) &&
           std::equal(node.inputs.begin(), node.inputs.end(), twin.inputs.begin(),
                      twin.inputs.end(),
                      [this](ValueId a, ValueId b) {
                        if (a == kNoValue || b == kNoValue) return a == b;
                        return common_[static_cast<std::size_t>(a)] &&
                               graph_.value(a).name == other_.value(b).name;
                      }) &&
           std::equal(node.outputs.begin(), node.outputs.end(), twin.outputs.begin(),
                      twin.outputs.end(), [this](ValueId a, ValueId b) {
                        if (a == kNoValue || b == kNoValue) return a == b;
                        return same_kind(graph_.value(a), other_.value(b));
                      });
  }

  const Graph& graph_;
  const Graph& other_;
  std::vector<bool> common_;
  std::unordered_map<std::string_view, const Value*> values_;
  std::unordered_map<std::string_view, const Node*> makers_;
};

}  // namespace

std::vector<bool> values_in_common(const Graph& graph, const Graph& other) {
  return Comparison(graph, other).run();
}

}  // namespace quant
