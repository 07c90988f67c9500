// SPDX-License-Identifier: MIT
#include "quant/graph/op_kind.h"

#include <string>
#include <unordered_map>

namespace quant {

const char* to_string(OpKind kind) {
  switch (kind) {
#define QUANT_CASE(name) \
  case OpKind::k##name:  \
    return #name;
    QUANT_ONNX_OPS(QUANT_CASE)
    QUANT_OWN_OPS(QUANT_CASE)
#undef QUANT_CASE
  }
  return "Unknown";
}

std::optional<OpKind> op_kind_from_string(std::string_view name) {
  static const auto* const kinds = new std::unordered_map<std::string, OpKind>{
#define QUANT_PAIR(name) {#name, OpKind::k##name},
      QUANT_ONNX_OPS(QUANT_PAIR) QUANT_OWN_OPS(QUANT_PAIR)
#undef QUANT_PAIR
  };
  const auto found = kinds->find(std::string(name));
  if (found == kinds->end()) return std::nullopt;
  return found->second;
}

}  // namespace quant
