// SPDX-License-Identifier: MIT
#include "quant/analyze/repeatability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quant/analyze/channel_layout.h"

namespace quant {
namespace {

// More would fill the screen.
constexpr std::size_t kListedChannels = 12;

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void count_elements(const Tensor& first, const Tensor& again, OutputRepeatability& output) {
  const auto a = first.data<float>();
  const auto b = again.data<float>();
  const ChannelLayout layout(first.shape());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (same(a[i], b[i])) continue;
    ++output.differing_elements;
    output.max_abs = std::max(output.max_abs, std::fabs(double{b[i]} - a[i]));
    output.channels.insert(static_cast<std::int64_t>(i) / layout.inner % layout.channels);
  }
}

}  // namespace

Repeatability::Repeatability(const std::vector<TensorInfo>& outputs) {
  for (const TensorInfo& info : outputs) outputs_.push_back({.name = info.name});
}

Status Repeatability::add(std::span<const Tensor> first, std::span<const Tensor> again) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    OutputRepeatability& output = outputs_[i];
    if (first[i].type() != again[i].type() || first[i].shape() != again[i].shape()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("was {} {} and is {} {} when the frame is run again",
                              to_string(first[i].type()), to_string(first[i].shape()),
                              to_string(again[i].type()), to_string(again[i].shape())),
                  output.name);
    }
    ++output.runs;
    output.elements += first[i].elements();
    if (std::memcmp(first[i].raw(), again[i].raw(), first[i].bytes()) == 0) continue;
    const std::int64_t before = output.differing_elements;
    if (first[i].type() == DataType::kFloat32) {
      count_elements(first[i], again[i], output);
    } else {
      // Labels and indices: how many bytes differ says nothing.
      ++output.differing_elements;
    }
    if (output.differing_elements > before) ++output.differing_runs;
  }
  return {};
}

std::string to_text(const OutputRepeatability& output) {
  if (output.differing_runs == 0)
    return fmt::format("the same in {} run{}", output.runs, output.runs == 1 ? "" : "s");
  std::string text = fmt::format(
      "differs in {} of {} runs, {:.2g} % of the elements, by {:.4g} at most",
      output.differing_runs, output.runs,
      100.0 * static_cast<double>(output.differing_elements) / static_cast<double>(output.elements),
      output.max_abs);
  if (output.channels.empty()) return text;
  std::vector<std::int64_t> listed(output.channels.begin(), output.channels.end());
  const std::size_t more = listed.size() - std::min(listed.size(), kListedChannels);
  listed.resize(listed.size() - more);
  text += fmt::format(", in channels {}", fmt::join(listed, ", "));
  if (more > 0) text += fmt::format(" and {} more", more);
  return text;
}

nlohmann::ordered_json to_json(const OutputRepeatability& output) {
  return {{"name", output.name},
          {"runs", output.runs},
          {"differing_runs", output.differing_runs},
          {"elements", output.elements},
          {"differing_elements", output.differing_elements},
          {"max_abs", output.max_abs},
          {"channels", output.channels}};
}

}  // namespace quant
