// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_scalings.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace quant {
namespace {

Misscaling way(const QuantParams& params, std::vector<Cause> causes) {
  Misscaling result{{}, {}, std::move(causes)};
  for (std::size_t i = 0; i < params.scale.size(); ++i) {
    const double scale = static_cast<double>(params.scale[i]);
    result.gain.push_back(scale);
    result.offset.push_back(-scale * static_cast<double>(params.zero_point[i]));
  }
  return result;
}

bool same_values(const Misscaling& a, const Misscaling& b) {
  const std::size_t channels = std::max(a.gain.size(), b.gain.size());
  for (std::size_t c = 0; c < channels; ++c) {
    if (a.gain[c % a.gain.size()] != b.gain[c % b.gain.size()] ||
        a.offset[c % a.offset.size()] != b.offset[c % b.offset.size()])
      return false;
  }
  return true;
}

QuantParams all_like(const QuantParams& params, std::size_t channel) {
  QuantParams result = params;
  result.scale = {params.scale[channel]};
  result.zero_point = {params.zero_point[channel]};
  return result;
}

float mean_of(const std::vector<float>& values) {
  return static_cast<float>(std::accumulate(values.begin(), values.end(), 0.0) /
                            static_cast<double>(values.size()));
}

// One value for all channels where the right way has one per channel.
void add_per_tensor(const QuantParams& right, std::vector<Misscaling>& ways) {
  const auto add = [&](const QuantParams& params, const std::string& which) {
    ways.push_back(way(params, {{Fault::kPerTensor, fmt::format("all {} channels were given {}",
                                                                right.scale.size(), which)}}));
  };
  add(all_like(right, 0), "the scale and zero point of channel 0");
  add(all_like(right, right.scale.size() - 1), "the scale and zero point of the last channel");
  QuantParams mean = all_like(right, 0);
  mean.scale = {mean_of(right.scale)};
  mean.zero_point = {mean_of(right.zero_point)};
  add(mean, "the mean of scales and zero points");
  const auto widest = std::max_element(right.scale.begin(), right.scale.end());
  add(all_like(right, static_cast<std::size_t>(widest - right.scale.begin())),
      "the largest scale and its zero point");
  QuantParams scales = right;
  scales.zero_point.assign(right.scale.size(), right.zero_point[0]);
  add(scales, "the zero point of channel 0");
  QuantParams zeros = right;
  zeros.scale.assign(right.scale.size(), right.scale[0]);
  add(zeros, "the scale of channel 0");
}

void add_channel_orders(const QuantParams& right, std::vector<Misscaling>& ways) {
  const auto add = [&](const char* how, auto&& reorder) {
    QuantParams params = right;
    reorder(params.scale);
    reorder(params.zero_point);
    ways.push_back(way(
        params, {{Fault::kChannelOrder,
                  fmt::format("scales and zero points were taken in another order ({})", how)}}));
  };
  add("last channel first", [](auto& list) { std::reverse(list.begin(), list.end()); });
  add("each channel that of the next",
      [](auto& list) { std::rotate(list.begin(), list.begin() + 1, list.end()); });
  add("each channel that of the one before",
      [](auto& list) { std::rotate(list.begin(), list.end() - 1, list.end()); });
}

void add_foreign(const QuantParams& right, std::int64_t channels, const NamedParams& other,
                 std::vector<Misscaling>& ways) {
  const std::size_t length =
      std::max(right.scale.size(),
               other.params.per_channel() ? static_cast<std::size_t>(channels) : std::size_t{1});
  // A list that is too short has no value for every channel; then its first one serves all.
  const auto spread = [&](const std::vector<float>& values) {
    std::vector<float> result(length, values[0]);
    if (values.size() >= length) std::copy_n(values.begin(), length, result.begin());
    return result;
  };
  const auto add = [&](bool scale, bool zero, const char* what) {
    QuantParams params = right;
    params.scale = spread(scale ? other.params.scale : right.scale);
    params.zero_point = spread(zero ? other.params.zero_point : right.zero_point);
    ways.push_back(way(params, {{Fault::kForeignParameters,
                                 fmt::format("it was given {} of '{}'", what, other.name)}}));
  };
  add(true, true, "the scale and zero point");
  add(true, false, "the scale");
  add(false, true, "the zero point");
}

}  // namespace

Misscaling scaling_of(const QuantParams& params) { return way(params, {}); }

std::vector<Misscaling> misscalings(const QuantParams& right, std::int64_t channels,
                                    const std::vector<NamedParams>& others) {
  std::vector<Misscaling> ways;
  if (right.per_channel()) {
    add_per_tensor(right, ways);
    add_channel_orders(right, ways);
  }
  for (const NamedParams& other : others) add_foreign(right, channels, other, ways);
  const std::size_t once = ways.size();

  QuantParams none = right;
  none.scale = {1};
  none.zero_point = {0};
  ways.push_back(
      way(none, {{Fault::kNotDequantized, "the integers themselves were taken for real values"}}));
  QuantParams scale_only = right;
  scale_only.zero_point.assign(right.zero_point.size(), 0);
  ways.push_back(way(scale_only, {{Fault::kNotDequantized, "the zero point was not subtracted"}}));
  QuantParams zero_only = right;
  zero_only.scale.assign(right.scale.size(), 1);
  ways.push_back(way(zero_only, {{Fault::kNotDequantized, "the scale was not applied"}}));

  // (x − z) · s with x = (q − z) · s, by the right parameters or by wrong ones.
  const auto add_twice = [&](Misscaling simple) {
    for (std::size_t c = 0; c < simple.gain.size(); ++c) {
      simple.offset[c] = simple.gain[c] * simple.offset[c] + simple.offset[c];
      simple.gain[c] *= simple.gain[c];
    }
    simple.causes.push_back(
        {Fault::kDequantizedTwice, "scale and zero point were applied to real values again"});
    ways.push_back(std::move(simple));
  };
  add_twice(scaling_of(right));
  for (std::size_t i = 0; i < once; ++i) add_twice(ways[i]);

  const Misscaling plain = scaling_of(right);
  std::vector<Misscaling> different;
  for (Misscaling& candidate : ways) {
    if (same_values(candidate, plain)) continue;
    // Parameters that two outputs share are those of either: that is for the report to say.
    const bool known =
        std::any_of(different.begin(), different.end(), [&](const Misscaling& earlier) {
          return same_values(earlier, candidate) &&
                 candidate.causes.front().fault != Fault::kForeignParameters;
        });
    if (!known) different.push_back(std::move(candidate));
  }
  return different;
}

}  // namespace quant
