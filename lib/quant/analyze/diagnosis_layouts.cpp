// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_layouts.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/base/round_up.h"

namespace quant {
namespace {

// Accelerators pad rows and channels to so many bytes, or elements.
constexpr std::int64_t kPadding = 8;

// Of (height, width, channels) as given, without repetitions.
std::vector<DeviceLayout> layouts_of(std::int64_t height, std::int64_t width,
                                     std::int64_t channels) {
  std::vector<DeviceLayout> result;
  const auto add = [&](DeviceOrder order, std::int64_t padded_width, std::int64_t padded_channels) {
    DeviceLayout layout = dense_layout(order, DataType::kUint8, height, width, channels);
    layout.padded_width = padded_width;
    layout.padded_channels = std::max(layout.padded_channels, padded_channels);
    if (std::find(result.begin(), result.end(), layout) == result.end()) result.push_back(layout);
  };
  for (const DeviceOrder order :
       {DeviceOrder::kNhwc, DeviceOrder::kNchw, DeviceOrder::kNhcw, DeviceOrder::kF8cr})
    add(order, width, channels);
  // Eight bytes are eight elements of one byte or four of two.
  for (const std::int64_t step : {kPadding, kPadding / 2}) {
    for (const DeviceOrder order : {DeviceOrder::kFcr, DeviceOrder::kNhcw, DeviceOrder::kNchw})
      add(order, round_up(width, step), channels);
    add(DeviceOrder::kFcr, width, round_up(channels, step));
    add(DeviceOrder::kFcr, round_up(width, step), round_up(channels, step));
  }
  std::erase_if(result, [](const DeviceLayout& layout) {
    return layout.order == DeviceOrder::kFcr && layout.padded_width == layout.width &&
           layout.padded_channels == layout.channels;  // dense NHWC
  });
  return result;
}

bool same_memory(const OrientedLayout& a, const OrientedLayout& b) {
  return a.exchanged() == b.exchanged() && a.layout().order == b.layout().order &&
         a.layout().padded_width == b.layout().padded_width &&
         a.layout().padded_height == b.layout().padded_height &&
         a.layout().padded_channels == b.layout().padded_channels;
}

std::vector<Cause> causes_of(const OrientedLayout& memory, const OrientedLayout& read_as) {
  std::vector<Cause> causes;
  const DeviceLayout& in = memory.layout();
  const DeviceLayout& as = read_as.layout();
  const bool exchanged = memory.exchanged() != read_as.exchanged();
  const auto padding = [&](const DeviceLayout& layout, bool width) {
    return width ? layout.padded_width - layout.width : layout.padded_channels - layout.channels;
  };
  const bool same_order = in.order == as.order ||
                          (in.order == DeviceOrder::kFcr && as.order == DeviceOrder::kNhwc) ||
                          (in.order == DeviceOrder::kNhwc && as.order == DeviceOrder::kFcr);
  if (!same_order || (padding(in, true) > 0) != (padding(as, true) > 0) ||
      padding(in, false) != padding(as, false) ||
      (!exchanged && in.padded_width != as.padded_width)) {
    causes.push_back({Fault::kLayout, fmt::format("it lies in memory as {} and was read as {}",
                                                  memory.text(), read_as.text())});
  }
  if (exchanged) {
    const OrientedLayout& right = memory.exchanged() ? read_as : memory;
    causes.push_back(
        {Fault::kHeightWidth, fmt::format("height and width ({} and {}) were exchanged",
                                          right.layout().height, right.layout().width)});
  }
  return causes;
}

}  // namespace

std::optional<PixelChannel> OrientedLayout::element_at(std::int64_t offset) const {
  if (offset < 0 || offset >= padded_element_count(layout_)) return std::nullopt;
  PixelChannel at;
  switch (layout_.order) {
    case DeviceOrder::kNhwc:
    case DeviceOrder::kFcr:
    case DeviceOrder::kNhw:
    case DeviceOrder::kNc:
      at.c = offset % layout_.padded_channels;
      at.w = offset / layout_.padded_channels % layout_.padded_width;
      at.h = offset / layout_.padded_channels / layout_.padded_width;
      break;
    case DeviceOrder::kNhcw:
      at.w = offset % layout_.padded_width;
      at.c = offset / layout_.padded_width % layout_.padded_channels;
      at.h = offset / layout_.padded_width / layout_.padded_channels;
      break;
    case DeviceOrder::kNchw:
      at.w = offset % layout_.padded_width;
      at.h = offset / layout_.padded_width % layout_.padded_height;
      at.c = offset / layout_.padded_width / layout_.padded_height;
      break;
    case DeviceOrder::kF8cr: {
      const std::int64_t block = strides_.block;
      const std::int64_t in_row = offset % strides_.row;
      at.h = offset / strides_.row;
      at.c = in_row / strides_.channel_block * block + in_row % block;
      at.w = in_row % strides_.channel_block / block;
      break;
    }
  }
  if (at.h >= layout_.height || at.w >= layout_.width || at.c >= layout_.channels)
    return std::nullopt;
  if (exchanged_) std::swap(at.h, at.w);
  return at;
}

std::string OrientedLayout::text() const {
  std::string text = to_string(layout_.order);
  std::string padding;
  if (layout_.padded_width != layout_.width)
    padding += fmt::format(", rows padded from {} to {}", layout_.width, layout_.padded_width);
  if (layout_.padded_channels != layout_.channels) {
    padding +=
        fmt::format(", channels padded from {} to {}", layout_.channels, layout_.padded_channels);
  }
  return padding.empty() ? "dense " + text : text + padding;
}

std::vector<Misreading> right_readings(const Extent& extent) {
  std::vector<Misreading> result;
  for (const DeviceLayout& layout : layouts_of(extent.height, extent.width, extent.channels)) {
    const OrientedLayout right(layout, false);
    result.push_back({right, right, {}});
  }
  return result;
}

std::vector<Misreading> misreadings(const Extent& extent, const DeviceLayout& filed) {
  const OrientedLayout as_filed(filed, false);
  std::vector<OrientedLayout> memory;
  for (const DeviceLayout& layout : layouts_of(extent.height, extent.width, extent.channels))
    memory.emplace_back(layout, false);
  // A single row has no sizes to exchange.
  if (extent.height > 1 && extent.width > 1) {
    for (const DeviceLayout& layout : layouts_of(extent.width, extent.height, extent.channels))
      memory.emplace_back(layout, true);
  }

  std::vector<Misreading> result;
  const auto add = [&](const OrientedLayout& from, const OrientedLayout& as, bool file) {
    if (from.exchanged() && as.exchanged()) return;
    if (same_memory(from, as)) return;
    std::vector<Cause> causes = causes_of(from, as);
    if (causes.empty()) return;
    result.push_back({from, file ? std::nullopt : std::optional(as), std::move(causes)});
  };
  for (const OrientedLayout& as : memory) {
    for (const OrientedLayout& from : memory) add(from, as, false);
  }
  for (const OrientedLayout& from : memory) add(from, as_filed, true);
  return result;
}

}  // namespace quant
