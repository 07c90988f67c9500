// SPDX-License-Identifier: MIT
// How one tensor lies in the memory of an accelerator: order of the dimensions, padding, blocks of
// channels. Geometry only; elements are moved by kernels/relayout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "quant/base/result.h"
#include "quant/tensor/data_type.h"

namespace quant {

// From the slowest dimension to the fastest. A frame is one image: there is no batch inside.
enum class DeviceOrder {
  kNhwc,  // [H][W][C]
  kNhcw,  // [H][C][W]: every row one plane per channel
  kNchw,  // [C][H][W]
  kFcr,   // [H][W][C], as Hailo names it; channels padded towards the device, width from it
  kF8cr,  // [H][C/8][W][8]: every row in blocks of eight channels
  kNhw,   // [H][W], one channel (an index per pixel)
  kNc,    // [C], one pixel
};

// "NHWC", "NHCW", "NCHW", "FCR", "F8CR", "NHW", "NC".
const char* to_string(DeviceOrder order);
std::optional<DeviceOrder> device_order_from_string(std::string_view name);

// Sizes in elements. What lies beyond height, width and channels is padding of undefined content.
struct DeviceLayout {
  DeviceOrder order = DeviceOrder::kNhwc;
  DataType type = DataType::kUint8;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t channels = 1;
  std::int64_t padded_height = 1;
  std::int64_t padded_width = 1;
  std::int64_t padded_channels = 1;

  bool operator==(const DeviceLayout&) const = default;
};

// Where element (h, w, c) lies:
//   h·row + w·column + (c / block)·channel_block + (c mod block)·channel   elements from the start.
struct DeviceStrides {
  std::int64_t row = 0;
  std::int64_t column = 0;
  std::int64_t channel = 0;
  std::int64_t block = 1;  // channels per block; padded_channels where there are no blocks
  std::int64_t channel_block = 0;

  std::int64_t offset(std::int64_t h, std::int64_t w, std::int64_t c) const {
    return h * row + w * column + c / block * channel_block + c % block * channel;
  }
};

// The dense layout of `order`; F8CR, which has no dense form, pads its channels to eight.
DeviceLayout dense_layout(DeviceOrder order, DataType type, std::int64_t height, std::int64_t width,
                          std::int64_t channels);

// Layouts come from files and drivers. InvalidData where a size is below 1, a padded size below its
// own, NHW has more than one channel, NC more than one pixel, F8CR no whole blocks, or the type is
// neither uint8, uint16 nor float32; OutOfRange beyond kMaxElements.
Status check_layout(const DeviceLayout& layout);

// Precondition of the rest: check_layout passed.
DeviceStrides strides_of(const DeviceLayout& layout);
// Elements of height × width × channels, without padding.
std::int64_t element_count(const DeviceLayout& layout);
// Elements that lie in memory, padding included.
std::int64_t padded_element_count(const DeviceLayout& layout);
// Bytes of padded_element_count elements. Hailo rounds a frame up to eight bytes on top of it.
std::size_t byte_count(const DeviceLayout& layout);
// "FCR uint16 76x100x65 in 76x104x65": height, width, channels, and the padded sizes where they
// differ.
std::string to_string(const DeviceLayout& layout);

}  // namespace quant
