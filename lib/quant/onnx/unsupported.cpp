// SPDX-License-Identifier: MIT
#include "quant/onnx/unsupported.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "quant/graph/operator.h"
#include "quant/onnx/rewrite.h"

namespace quant {
namespace {

// An error message is read by a person: of the nodes of one operator, these many are listed.
constexpr std::size_t kMaxListed = 12;

bool is_supported(const FlatNode& node) {
  if (!node.domain.empty()) return is_rewritten(qualified_name(node));
  // Without nodes of their own in the graph: constants, passed through, or written out.
  static constexpr std::array<std::string_view, 4> kVanishing = {"Constant", "Identity", "Dropout",
                                                                 "If"};
  if (std::find(kVanishing.begin(), kVanishing.end(), node.op_type) != kVanishing.end())
    return true;
  const auto kind = onnx_op_kind(current_operator_name(node.op_type));
  return kind && find_operator(*kind) != nullptr;
}

}  // namespace

std::optional<OpKind> onnx_op_kind(const std::string& op_type) {
  const auto kind = op_kind_from_string(op_type);
  // Our own operators stand last in the enumeration.
  if (!kind || *kind >= OpKind::kNormalization) return std::nullopt;
  return kind;
}

Status check_operators(const std::vector<FlatNode>& nodes) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> unsupported;
  const FlatNode* first = nullptr;
  for (const FlatNode& node : nodes) {
    if (is_supported(node)) continue;
    if (first == nullptr) first = &node;
    auto& names = unsupported[qualified_name(node)];
    if (names.empty()) order.push_back(qualified_name(node));
    names.push_back(node.name);
  }
  if (first == nullptr) return {};
  std::string list;
  std::size_t count = 0;
  for (const std::string& op : order) {
    const auto& names = unsupported[op];
    count += names.size();
    const std::size_t listed = std::min(names.size(), kMaxListed);
    list += fmt::format(
        "{}{}: {} ({}{})", list.empty() ? "" : "; ", op, names.size(),
        fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(listed), ", "),
        names.size() > listed ? fmt::format(", and {} more", names.size() - listed) : "");
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("operator {} is not supported; the model has {} node{} of {} unsupported "
                          "operator{}: {}",
                          qualified_name(*first), count, count == 1 ? "" : "s", order.size(),
                          order.size() == 1 ? "" : "s", list),
              fmt::format("node '{}'", first->name));
}

}  // namespace quant
