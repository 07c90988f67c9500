// SPDX-License-Identifier: MIT
// A network for the fake device whose answers a test knows: output i of a frame is its first pixel
// plus 7·i, modulo 256.
#pragma once

#include <memory>
#include <vector>

#include "quant/device/device_session.h"
#include "quant/device/fake_driver.h"

namespace quant::testing {

inline constexpr std::int64_t kCountingHeight = 3;
inline constexpr std::int64_t kCountingWidth = 5;
inline constexpr std::int64_t kCountingChannels = 2;

inline FakeNetwork counting_network() {
  FakeNetwork network;
  DeviceStream input;
  input.name = "image";
  input.layout = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 3, 1);
  network.inputs = {input};
  DeviceStream output;
  output.name = "count";
  output.layout = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, kCountingHeight,
                               kCountingWidth, kCountingChannels);
  output.params = QuantParams{DataType::kUint8, {0.5F}, {3.0F}, 3, 0, 0};
  network.outputs = {output};
  network.run = [](std::span<const Tensor> inputs, std::vector<Tensor>& outputs) -> Status {
    Tensor result(DataType::kUint8, {1, kCountingHeight, kCountingWidth, kCountingChannels});
    std::uint8_t next = inputs[0].data<std::uint8_t>()[0];
    for (std::uint8_t& value : result.data<std::uint8_t>()) {
      value = next;
      next = static_cast<std::uint8_t>(next + 7);
    }
    outputs = {std::move(result)};
    return {};
  };
  return network;
}

inline std::shared_ptr<DeviceDriver> counting_driver(const FakeOptions& options) {
  return make_fake_driver(options, []() -> Result<FakeNetwork> { return counting_network(); });
}

inline std::vector<Tensor> counting_input(int frame) {
  Tensor input(DataType::kUint8, {1, 2, 3, 1});
  input.data<std::uint8_t>()[0] = static_cast<std::uint8_t>(frame);
  return {std::move(input)};
}

// Whether `outputs` are that frame's, wherever the padding of `stream` lies.
inline bool is_counted(const std::vector<Tensor>& outputs, const DeviceStream& stream, int frame) {
  if (outputs.size() != 1 || outputs[0].bytes() != stream.frame_bytes) return false;
  const DeviceStrides strides = strides_of(stream.layout);
  const auto values = outputs[0].data<std::uint8_t>();
  int element = 0;
  for (std::int64_t h = 0; h < kCountingHeight; ++h) {
    for (std::int64_t w = 0; w < kCountingWidth; ++w) {
      for (std::int64_t c = 0; c < kCountingChannels; ++c) {
        const auto expected = static_cast<std::uint8_t>(frame + 7 * element++);
        if (values[static_cast<std::size_t>(strides.offset(h, w, c))] != expected) return false;
      }
    }
  }
  return true;
}

}  // namespace quant::testing
