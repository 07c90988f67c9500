// SPDX-License-Identifier: MIT
#include "quant/backend/stream_values.h"

#include <gtest/gtest.h>

#include "quant/tensor/device_tensor.h"

namespace quant {
namespace {

// Two rows of three pixels of four channels: q = 100·c + 10·h + w, as the device lays them out.
DeviceTensor device_tensor() {
  DeviceLayout layout = dense_layout(DeviceOrder::kNhcw, DataType::kUint16, 2, 3, 4);
  layout.padded_width = 8;
  DeviceTensor tensor{layout, Tensor(DataType::kUint16, {padded_element_count(layout)})};
  for (std::int64_t h = 0; h < 2; ++h) {
    for (std::int64_t c = 0; c < 4; ++c) {
      for (std::int64_t w = 0; w < 3; ++w) {
        tensor.memory.data<std::uint16_t>()[static_cast<std::size_t>((h * 4 + c) * 8 + w)] =
            static_cast<std::uint16_t>(100 * c + 10 * h + w);
      }
    }
  }
  return tensor;
}

QuantParams scales(std::size_t count) {
  QuantParams params;
  params.type = DataType::kUint16;
  params.scale.assign(count, 2);
  params.zero_point.assign(count, 5);
  return params;
}

Result<Tensor> values_of(const QuantParams& params, const TensorInfo& output) {
  const DeviceTensor tensor = device_tensor();
  QUANT_TRY_ASSIGN(const auto values, stream_values(tensor.layout, params, output));
  return values.run(tensor.memory.raw());
}

float real(std::int64_t h, std::int64_t w, std::int64_t c) {
  return (static_cast<float>(100 * c + 10 * h + w) - 5) * 2;
}

TEST(StreamValues, PlaneByPlane) {
  for (const Shape& shape : {Shape{1, 4, 2, 3}, Shape{1, 4, 6}, Shape{1, 24}, Shape{24}}) {
    const auto values = values_of(scales(4), {"t", {}, shape});
    ASSERT_TRUE(values) << values.error().text();
    ASSERT_EQ(values->shape(), shape);
    for (std::int64_t i = 0; i < 24; ++i) {
      EXPECT_EQ(values->data<float>()[static_cast<std::size_t>(i)], real(i / 3 % 2, i % 3, i / 6))
          << to_string(shape) << " at " << i;
    }
  }
}

// Heads of detectors: (1, anchors, classes), which networks transpose at their end.
TEST(StreamValues, PixelByPixel) {
  const auto values = values_of(scales(1), {"t", {}, {1, 6, 4}});
  ASSERT_TRUE(values) << values.error().text();
  ASSERT_EQ(values->shape(), (Shape{1, 6, 4}));
  for (std::int64_t i = 0; i < 24; ++i) {
    EXPECT_EQ(values->data<float>()[static_cast<std::size_t>(i)], real(i / 12, i / 4 % 3, i % 4))
        << i;
  }
}

TEST(StreamValues, NameTheOutputThatDoesNotFit) {
  const auto size = values_of(scales(1), {"t", {}, {1, 5, 5}});
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(size.error().context, "t");
  const auto params = values_of(scales(3), {"t", {}, {1, 4, 2, 3}});
  ASSERT_FALSE(params);
  EXPECT_EQ(params.error().context, "t");
}

}  // namespace
}  // namespace quant
