// SPDX-License-Identifier: MIT
#include "quant/analyze/pair_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace quant {
namespace {

constexpr std::size_t kTypicalPairs = 512;
constexpr std::size_t kLeastOfChannel = 8;
constexpr std::size_t kWidest = 8;  // shown in full where not all channels can be

// SplitMix64: neighbours become independent.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

PairSample::PairSample(const ChannelLayout& layout)
    : layout_(layout),
      most_(std::max(
          kLeastOfChannel,
          kTypicalPairs / static_cast<std::size_t>(std::max<std::int64_t>(layout.channels, 1)))),
      channels_(static_cast<std::size_t>(layout.channels)) {}

void PairSample::add(const Tensor& reference, const Tensor& quantized) {
  const auto positions = static_cast<std::uint64_t>(layout_.positions());
  const bool few = positions <= most_;
  const std::uint64_t draws = few ? positions : most_;
  for (std::uint64_t i = 0; i < draws; ++i) {
    const std::uint64_t draw = draws_++;
    if ((mix(draw) & mask_) != 0) continue;
    bool full = false;
    for (std::int64_t c = 0; c < layout_.channels; ++c) {
      const std::uint64_t position =
          few ? i : mix(mix(draw) + static_cast<std::uint64_t>(c)) % positions;
      const std::size_t at = layout_.index(c, static_cast<std::int64_t>(position));
      const float native = reference.data<float>()[at];
      if (!std::isfinite(native)) continue;
      const std::uint32_t integer = quantized.type() == DataType::kUint16
                                        ? quantized.data<std::uint16_t>()[at]
                                        : quantized.data<std::uint8_t>()[at];
      const auto channel = static_cast<std::size_t>(c);
      auto& kept = channels_[channel];
      kept.push_back({draw, {c, integer, native}});
      full = full || kept.size() > most_;
    }
    if (!full) continue;
    mask_ = 2 * mask_ + 1;
    for (auto& kept : channels_)
      std::erase_if(kept, [this](const Drawn& drawn) { return (mix(drawn.draw) & mask_) != 0; });
  }
}

std::vector<ValuePair> PairSample::select(std::span<const std::optional<ChannelEnds>> ends) const {
  std::vector<std::size_t> order(channels_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto width = [&](std::size_t c) {
    return ends[c] ? static_cast<double>(ends[c]->highest.native) - ends[c]->lowest.native : 0.0;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return width(a) > width(b); });
  const bool all = channels_.size() * kLeastOfChannel <= kTypicalPairs;
  const std::size_t in_full = all ? order.size() : kWidest;
  std::vector<ValuePair> pairs;
  for (std::size_t i = 0; i < in_full; ++i) {
    const std::size_t c = order[i];
    if (!ends[c]) continue;
    pairs.push_back(ends[c]->lowest);
    pairs.push_back(ends[c]->highest);
    for (const Drawn& drawn : channels_[c]) pairs.push_back(drawn.pair);
  }
  std::vector<ValuePair> others;
  for (std::size_t i = in_full; i < order.size(); ++i) {
    for (const Drawn& drawn : channels_[order[i]]) others.push_back(drawn.pair);
  }
  const std::size_t room =
      std::min(kTypicalPairs - std::min(kTypicalPairs, pairs.size()), others.size());
  for (std::size_t i = 0; i < room; ++i) pairs.push_back(others[i * others.size() / room]);
  return pairs;
}

}  // namespace quant
