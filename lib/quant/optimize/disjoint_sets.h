// SPDX-License-Identifier: MIT
// Union-find over numbered elements: which of them are one and the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace quant {

// Elements 0 … count − 1, each a set of its own at first.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  // The least element of the set that `element` is in.
  std::size_t find(std::size_t element) {
    while (parent_[element] != element) element = parent_[element] = parent_[parent_[element]];
    return element;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace quant
