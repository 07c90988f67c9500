// SPDX-License-Identifier: MIT
#include "quant/script/glob.h"

#include <cstddef>

namespace quant {
namespace {

bool is_negation(char c) { return c == '!' || c == '^'; }

// Index of the ] of the class whose [ stands at `open`; npos where there is none. A ] that stands
// first is a member.
std::size_t class_end(std::string_view pattern, std::size_t open) {
  std::size_t first = open + 1;
  if (first < pattern.size() && is_negation(pattern[first])) ++first;
  return pattern.find(']', first + 1);
}

bool is_member(std::string_view members, char c) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 2 < members.size() && members[i + 1] == '-') {
      if (members[i] <= c && c <= members[i + 2]) return true;
      i += 2;
    } else if (members[i] == c) {
      return true;
    }
  }
  return false;
}

// Whether the element at `index` (no *) takes `c`; `index` goes behind it.
bool takes(std::string_view pattern, std::size_t& index, char c) {
  const char element = pattern[index];
  const std::size_t end = element == '[' ? class_end(pattern, index) : std::string_view::npos;
  if (end == std::string_view::npos) {
    ++index;
    return element == '?' || element == c;
  }
  std::string_view members = pattern.substr(index + 1, end - index - 1);
  index = end + 1;
  const bool negated = is_negation(members.front());
  if (negated) members.remove_prefix(1);
  return is_member(members, c) != negated;
}

}  // namespace

bool is_glob(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '[') continue;
    i = class_end(pattern, i);
    if (i == std::string_view::npos) return false;
  }
  return !pattern.empty();
}

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  // Only the last * is ever tried again with more text: what stands before it fits already.
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    std::size_t next = p;
    if (p < pattern.size() && takes(pattern, next, name[n])) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace quant
