// SPDX-License-Identifier: MIT
// What a mistyped name may have meant.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quant {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; upper and
// lower case are the same.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest candidates, all as far, where they are near enough to be meant; `most` at most.
std::vector<std::string> nearest_names(std::string_view name,
                                       std::span<const std::string> candidates, std::size_t most);

// "; did you mean 'conv12'?" or "…'conv1', 'conv2' or 'conv3'?"; empty where nothing is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates,
                         std::size_t most = 1);

}  // namespace quant
