// SPDX-License-Identifier: MIT
#include "quant/archive/parameters.h"

#include <fmt/format.h>

#include "quant/tensor/npy.h"

namespace quant {

std::string ParameterWriter::add(const std::string& label, const Tensor& tensor) {
  // Names of ONNX tensors hold anything; a tar name without extensions holds 100 characters.
  constexpr std::size_t kMaxLabel = 64;
  std::string readable = label.substr(0, kMaxLabel);
  for (char& c : readable) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_';
    if (!keep) c = '_';
  }
  std::string name = fmt::format("params/{:04}_{}.npy", members_.size(), readable);
  members_.emplace(name, npy_bytes(tensor));
  return name;
}

Result<Tensor> ParameterReader::take(const std::string& name) {
  const auto member = name.starts_with("params/") ? members_.extract(name) : MemberMap::node_type();
  if (member.empty()) {
    return fail(ErrorCode::kInvalidData, "the archive has no such parameter, or has it used twice",
                name);
  }
  auto tensor = parse_npy(member.mapped());
  if (!tensor) return fail_with_context(std::move(tensor).error(), name);
  return tensor;
}

}  // namespace quant
