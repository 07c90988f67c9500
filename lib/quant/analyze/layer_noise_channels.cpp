// SPDX-License-Identifier: MIT
#include "quant/analyze/layer_noise_channels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace quant {
LayerChannels::LayerChannels(const Shape& shape, QuantParams params, bool low_counts,
                             bool high_counts, bool with_values)
    : layout_(shape),
      params_(std::move(params)),
      low_counts_(low_counts),
      high_counts_(high_counts),
      with_values_(with_values),
      channels_(static_cast<std::size_t>(layout_.channels)),
      native_(params_.type == DataType::kUint16 ? 65536 : 256),
      sample_(layout_) {}

void LayerChannels::add(const Tensor& reference, const Tensor& quantized, const Tensor& test) {
  error_.add(reference.data<float>(), test.data<float>());
  if (quantized.type() == DataType::kUint16) {
    add_values<std::uint16_t>(reference, quantized, test);
  } else {
    add_values<std::uint8_t>(reference, quantized, test);
  }
  integers_ += quantized.elements();
  if (with_values_) {
    native_.add(reference.data<float>(), 1.0 / params_.scale[0], params_.zero_point[0]);
    sample_.add(reference, quantized);
  }
}

template <typename T>
void LayerChannels::add_values(const Tensor& reference, const Tensor& quantized,
                               const Tensor& test) {
  constexpr unsigned kShift = 8 * (sizeof(T) - 1);
  constexpr T kHighest = std::numeric_limits<T>::max();
  const bool first = integers_ == 0;
  const float* r = reference.data<float>().data();
  const float* t = test.data<float>().data();
  const T* q = quantized.data<T>().data();
  const auto inner = static_cast<std::size_t>(layout_.inner);
  for (std::int64_t outer = 0; outer < layout_.outer; ++outer) {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      Channel& channel = channels_[c];
      if (first && outer == 0) channel.lowest = channel.highest = *q;
      for (std::size_t i = 0; i < inner; ++i, ++r, ++t, ++q) {
        channel.lowest = std::min<std::uint32_t>(channel.lowest, *q);
        channel.highest = std::max<std::uint32_t>(channel.highest, *q);
        ++histogram_[static_cast<std::size_t>(*q) >> kShift];
        if (*q == 0) ++at_low_;
        if (*q == kHighest) ++at_high_;
        if (!std::isfinite(*r) || !std::isfinite(*t)) {
          continue;
        }
        const bool begins = channel.count++ == 0;
        if (begins || *r < channel.min) {
          channel.min = *r;
          channel.at_min = *q;
        }
        if (begins || *r > channel.max) {
          channel.max = *r;
          channel.at_max = *q;
        }
      }
    }
  }
}

std::vector<ValuePair> LayerChannels::pairs() const {
  std::vector<std::optional<ChannelEnds>> ends(channels_.size());
  for (std::size_t c = 0; c < ends.size(); ++c) {
    const Channel& channel = channels_[c];
    if (channel.count == 0) continue;
    const auto index = static_cast<std::int64_t>(c);
    ends[c] =
        ChannelEnds{{index, channel.at_min, channel.min}, {index, channel.at_max, channel.max}};
  }
  return sample_.select(ends);
}

double LayerChannels::saturation() const {
  if (integers_ == 0) return 0;
  const std::int64_t at_ends = (low_counts_ ? at_low_ : 0) + (high_counts_ ? at_high_ : 0);
  return static_cast<double>(at_ends) / static_cast<double>(integers_);
}

double LayerChannels::empty_range() const {
  // Both ends grow as long as they hold no more than the share; the emptier one goes first.
  const auto most = static_cast<std::int64_t>(kTailShare * static_cast<double>(integers_));
  std::size_t low = 0;
  std::size_t high = histogram_.size();
  std::int64_t held = 0;
  while (high - low > 1) {
    const bool from_low = histogram_[low] < histogram_[high - 1];
    const std::int64_t next = histogram_[from_low ? low : high - 1];
    if (held + next > most) break;
    held += next;
    if (from_low) {
      ++low;
    } else {
      --high;
    }
  }
  return 1 - static_cast<double>(high - low) / static_cast<double>(histogram_.size());
}

void LayerChannels::finish(LayerNoise& layer) const {
  layer.error = error_;
  layer.params = params_;
  layer.saturation = saturation();
  layer.empty_range = empty_range();
  layer.channels = static_cast<std::int64_t>(channels_.size());
  if (with_values_) {
    layer.histogram = native_.finish(params_, histogram_);
    layer.pairs = pairs();
  }
  std::vector<double> ranges;
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    const Channel& channel = channels_[c];
    if (channel.lowest == channel.highest) {
      ++layer.dead_channels;
      if (channel.max > channel.min) ++layer.lost_channels;
    }
    layer.seen_min = c == 0 ? channel.min : std::min(layer.seen_min, channel.min);
    layer.seen_max = c == 0 ? channel.max : std::max(layer.seen_max, channel.max);
    if (channel.max > channel.min) ranges.push_back(static_cast<double>(channel.max) - channel.min);
  }
  if (ranges.size() < 2) return;
  const auto middle = ranges.begin() + static_cast<std::ptrdiff_t>(ranges.size() / 2);
  std::nth_element(ranges.begin(), middle, ranges.end());
  layer.channel_spread = *std::max_element(ranges.begin(), ranges.end()) / *middle;
}

}  // namespace quant
