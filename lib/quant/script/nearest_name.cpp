// SPDX-License-Identifier: MIT
#include "quant/script/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "quant/script/diagnostic.h"

namespace quant {
namespace {

// Nobody mistypes a longer name by hand, and the distance costs the product of the lengths.
constexpr std::size_t kLongestName = 128;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return lower;
}

std::size_t length_difference(std::string_view a, std::string_view b) {
  return a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
}

}  // namespace

std::size_t edit_distance(std::string_view a_text, std::string_view b_text) {
  const std::string a = lower_case(a_text);
  const std::string b = lower_case(b_text);
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view name,
                                       std::span<const std::string> candidates, std::size_t most) {
  if (name.empty() || name.size() > kLongestName) return {};
  const std::size_t farthest = std::max<std::size_t>(1, name.size() / 3);
  std::vector<std::pair<std::size_t, std::size_t>> found;  // distance, index: ties keep their order
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (length_difference(name, candidates[i]) > farthest) continue;
    const std::size_t distance = edit_distance(name, candidates[i]);
    if (distance <= farthest) found.emplace_back(distance, i);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (const auto& [distance, index] : found) {
    // What is farther than the best is noise beside it.
    if (names.size() == most || distance > found.front().first) break;
    if (std::find(names.begin(), names.end(), candidates[index]) == names.end())
      names.push_back(candidates[index]);
  }
  return names;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates,
                         std::size_t most) {
  const auto names = nearest_names(name, candidates, most);
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 == names.size() ? " or " : ", ";
    list += in_quotes(names[i]);
  }
  return list.empty() ? "" : "; did you mean " + list + "?";
}

}  // namespace quant
