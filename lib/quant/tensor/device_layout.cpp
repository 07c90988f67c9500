// SPDX-License-Identifier: MIT
#include "quant/tensor/device_layout.h"

#include <fmt/format.h>

#include <array>

#include "quant/base/round_up.h"
#include "quant/tensor/shape.h"

namespace quant {
namespace {

constexpr std::int64_t kChannelBlock = 8;

struct NamedOrder {
  DeviceOrder order;
  const char* name;
};

constexpr std::array kOrders{
    NamedOrder{DeviceOrder::kNhwc, "NHWC"}, NamedOrder{DeviceOrder::kNhcw, "NHCW"},
    NamedOrder{DeviceOrder::kNchw, "NCHW"}, NamedOrder{DeviceOrder::kFcr, "FCR"},
    NamedOrder{DeviceOrder::kF8cr, "F8CR"}, NamedOrder{DeviceOrder::kNhw, "NHW"},
    NamedOrder{DeviceOrder::kNc, "NC"},
};

bool is_padded(const DeviceLayout& layout) {
  return layout.padded_height != layout.height || layout.padded_width != layout.width ||
         layout.padded_channels != layout.channels;
}

Status check_padding(const char* what, std::int64_t size, std::int64_t padded) {
  if (size < 1) return fail(ErrorCode::kInvalidData, fmt::format("a {} of {}", what, size));
  if (padded < size) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("a {} of {} in a padded {} of {}", what, size, what, padded));
  }
  return {};
}

}  // namespace

const char* to_string(DeviceOrder order) {
  for (const NamedOrder& named : kOrders) {
    if (named.order == order) return named.name;
  }
  return "unknown";
}

std::optional<DeviceOrder> device_order_from_string(std::string_view name) {
  for (const NamedOrder& named : kOrders) {
    if (named.name == name) return named.order;
  }
  return std::nullopt;
}

DeviceLayout dense_layout(DeviceOrder order, DataType type, std::int64_t height, std::int64_t width,
                          std::int64_t channels) {
  DeviceLayout layout{order, type, height, width, channels, height, width, channels};
  if (order == DeviceOrder::kF8cr) layout.padded_channels = round_up(channels, kChannelBlock);
  return layout;
}

Status check_layout(const DeviceLayout& layout) {
  QUANT_TRY(check_padding("height", layout.height, layout.padded_height));
  QUANT_TRY(check_padding("width", layout.width, layout.padded_width));
  QUANT_TRY(check_padding("channel count", layout.channels, layout.padded_channels));
  QUANT_TRY(
      checked_element_count({layout.padded_height, layout.padded_width, layout.padded_channels}));
  if (layout.order == DeviceOrder::kNhw && layout.padded_channels != 1) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("NHW with {} channels", layout.padded_channels));
  }
  if (layout.order == DeviceOrder::kNc && layout.padded_height * layout.padded_width != 1) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("NC with {}x{} pixels", layout.padded_height, layout.padded_width));
  }
  if (layout.order == DeviceOrder::kF8cr && layout.padded_channels % kChannelBlock != 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("F8CR with {} channels in memory, which are no whole blocks of {}",
                            layout.padded_channels, kChannelBlock));
  }
  if (layout.type != DataType::kUint8 && layout.type != DataType::kUint16 &&
      layout.type != DataType::kFloat32) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("elements of type {}", to_string(layout.type)));
  }
  return {};
}

DeviceStrides strides_of(const DeviceLayout& layout) {
  const std::int64_t height = layout.padded_height;
  const std::int64_t width = layout.padded_width;
  const std::int64_t channels = layout.padded_channels;
  // Without blocks, one block holds all channels and channel_block is never multiplied.
  switch (layout.order) {
    case DeviceOrder::kNhwc:
    case DeviceOrder::kFcr:
      return {width * channels, channels, 1, channels, 0};
    case DeviceOrder::kNhcw:
      return {channels * width, 1, width, channels, 0};
    case DeviceOrder::kNchw:
      return {width, 1, height * width, channels, 0};
    case DeviceOrder::kF8cr:
      return {width * channels, kChannelBlock, 1, kChannelBlock, width * kChannelBlock};
    case DeviceOrder::kNhw:
      return {width, 1, 1, channels, 0};
    case DeviceOrder::kNc:
      return {channels, channels, 1, channels, 0};
  }
  return {};
}

std::int64_t element_count(const DeviceLayout& layout) {
  return layout.height * layout.width * layout.channels;
}

std::int64_t padded_element_count(const DeviceLayout& layout) {
  return layout.padded_height * layout.padded_width * layout.padded_channels;
}

std::size_t byte_count(const DeviceLayout& layout) {
  return static_cast<std::size_t>(padded_element_count(layout)) * size_of(layout.type);
}

std::string to_string(const DeviceLayout& layout) {
  std::string text = fmt::format("{} {} {}x{}x{}", to_string(layout.order), to_string(layout.type),
                                 layout.height, layout.width, layout.channels);
  if (is_padded(layout)) {
    text += fmt::format(" in {}x{}x{}", layout.padded_height, layout.padded_width,
                        layout.padded_channels);
  }
  return text;
}

}  // namespace quant
