// SPDX-License-Identifier: MIT
// The tensors of an archive: params/0000_conv1.weight.npy, … JSON refers to them by member name.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Members of a tar file, by name.
using MemberMap = std::map<std::string, std::vector<std::byte>>;

// Collects tensors while graphs become JSON.
class ParameterWriter {
 public:
  // The member name that `tensor` will have. `label` is shown in it for people who list the
  // archive.
  std::string add(const std::string& label, const Tensor& tensor);
  MemberMap take() { return std::move(members_); }

 private:
  MemberMap members_;
};

// Gives the tensors out again.
class ParameterReader {
 public:
  explicit ParameterReader(MemberMap members) : members_(std::move(members)) {}

  // Each member once, so that a small file cannot ask for one large tensor a thousand times. Errors
  // name the member: it is missing, was taken before, lies outside params/, or is no good .npy.
  Result<Tensor> take(const std::string& name);

 private:
  MemberMap members_;
};

}  // namespace quant
