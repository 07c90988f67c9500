// SPDX-License-Identifier: MIT
#include "plugin/tensor_bridge.h"

#include <gtest/gtest.h>

#include <array>

namespace quant::element {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::kUint8, shape);
  std::uint8_t next = 0;
  for (std::uint8_t& value : tensor.data<std::uint8_t>()) value = next++;
  return tensor;
}

TEST(TensorBridge, SharesElementsBothWays) {
  const Tensor tensor = counting({1, 2, 3});
  auto on_buffer = to_gst(tensor, "t", GST_QUANT_TENSOR_ROLE_QUANTIZED, "emulator");
  ASSERT_TRUE(on_buffer);
  EXPECT_STREQ((*on_buffer)->source, "emulator");
  EXPECT_EQ((*on_buffer)->num_dims, 3U);
  EXPECT_EQ((*on_buffer)->dims[2], 3U);
  const auto back = from_gst(on_buffer->get());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->raw(), tensor.raw());
  EXPECT_EQ(back->shape(), tensor.shape());
}

TEST(TensorBridge, ElementsOutliveTheirMaker) {
  GstPointer<GstQuantTensor> on_buffer;
  {
    auto made = to_gst(counting({4}), "t", GST_QUANT_TENSOR_ROLE_QUANTIZED, nullptr);
    ASSERT_TRUE(made);
    on_buffer = std::move(*made);
  }
  auto back = from_gst(on_buffer.get());
  ASSERT_TRUE(back);
  on_buffer.reset();
  EXPECT_EQ(back->data<std::uint8_t>()[3], 3);
}

TEST(TensorBridge, EmptyAndScalarTensors) {
  for (const Shape& shape : {Shape{0, 5}, Shape{}}) {
    auto on_buffer =
        to_gst(Tensor(DataType::kFloat32, shape), "t", GST_QUANT_TENSOR_ROLE_DEQUANTIZED, nullptr);
    ASSERT_TRUE(on_buffer) << to_string(shape);
    const auto back = from_gst(on_buffer->get());
    ASSERT_TRUE(back) << to_string(shape);
    EXPECT_EQ(back->shape(), shape);
  }
}

// A region of a larger buffer starts anywhere; floats may not.
TEST(TensorBridge, MisalignedFloatsAreMovedIntoPlace) {
  const std::array<float, 3> values{1.5F, -2, 8};
  GstBuffer* whole = gst_buffer_new_allocate(nullptr, sizeof(values) + 1, nullptr);
  gst_buffer_fill(whole, 1, values.data(), sizeof(values));
  GstBuffer* region = gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, 1, sizeof(values));
  gst_buffer_unref(whole);
  const gsize dims[] = {3};
  const GstPointer<GstQuantTensor> tensor(gst_quant_tensor_new(
      "t", GST_QUANT_TENSOR_ROLE_DEQUANTIZED, GST_QUANT_TENSOR_DATA_TYPE_FLOAT32, region, 1, dims));
  const auto back = from_gst(tensor.get());
  ASSERT_TRUE(back);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(back->raw()) % alignof(float), 0U);
  EXPECT_EQ(back->data<float>()[2], 8);
}

TEST(TensorBridge, TypesThatCannotBeReadAreAnError) {
  const gsize dims[] = {2};
  const GstPointer<GstQuantTensor> tensor(gst_quant_tensor_new(
      "nibbles", GST_QUANT_TENSOR_ROLE_QUANTIZED, GST_QUANT_TENSOR_DATA_TYPE_INT4,
      gst_buffer_new_allocate(nullptr, 1, nullptr), 1, dims));
  const auto back = from_gst(tensor.get());
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(back.error().context, "nibbles");
}

constexpr std::array kEveryOrder{DeviceOrder::kNhwc, DeviceOrder::kNhcw, DeviceOrder::kNchw,
                                 DeviceOrder::kFcr,  DeviceOrder::kF8cr, DeviceOrder::kNhw,
                                 DeviceOrder::kNc};

DeviceTensor device_tensor(DeviceOrder order) {
  const bool one_pixel = order == DeviceOrder::kNc;
  const bool one_channel = order == DeviceOrder::kNhw;
  DeviceLayout layout = dense_layout(order, DataType::kUint8, one_pixel ? 1 : 2, one_pixel ? 1 : 5,
                                     one_channel ? 1 : 11);
  if (!one_pixel) layout.padded_width = 8;
  if (!one_channel) layout.padded_channels = 16;
  return {layout, counting({padded_element_count(layout)})};
}

TEST(TensorBridge, SharesMemoryAsADeviceLeftItBothWays) {
  for (const DeviceOrder order : kEveryOrder) {
    const DeviceTensor tensor = device_tensor(order);
    const auto on_buffer = device_to_gst(tensor, "t", GST_QUANT_TENSOR_ROLE_QUANTIZED, "device");
    ASSERT_TRUE(on_buffer) << to_string(order);
    EXPECT_STREQ(gst_quant_tensor_layout_get_nick((*on_buffer)->layout), to_string(order));
    EXPECT_EQ((*on_buffer)->num_dims, 4U);
    EXPECT_EQ((*on_buffer)->dims[3], tensor.layout.channels);
    EXPECT_EQ(gst_quant_tensor_get_size(on_buffer->get()), byte_count(tensor.layout));
    const auto back = device_from_gst(on_buffer->get());
    ASSERT_TRUE(back) << to_string(order);
    EXPECT_EQ(back->layout, tensor.layout);
    EXPECT_EQ(back->memory.raw(), tensor.memory.raw()) << to_string(order);
  }
}

// Read as dense elements, it would give wrong numbers without any sign.
TEST(TensorBridge, MemoryAsADeviceLeftItIsNotReadAsDense) {
  for (const DeviceOrder order : kEveryOrder) {
    const auto on_buffer =
        device_to_gst(device_tensor(order), "scores", GST_QUANT_TENSOR_ROLE_QUANTIZED, nullptr);
    const auto dense = from_gst(on_buffer->get());
    ASSERT_FALSE(dense) << to_string(order);
    EXPECT_EQ(dense.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(dense.error().context, "scores");
    EXPECT_NE(dense.error().message.find(to_string(order)), std::string::npos);
  }
  const auto dense = to_gst(counting({1, 2, 3, 4}), "t", GST_QUANT_TENSOR_ROLE_QUANTIZED, nullptr);
  const auto device = device_from_gst(dense->get());
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kInvalidArgument);
}

TEST(TensorBridge, MemoryThatIsSmallerThanItsLayoutIsRefused) {
  DeviceTensor tensor = device_tensor(DeviceOrder::kNhcw);
  tensor.layout.padded_height = 3;
  const auto small = device_to_gst(tensor, "t", GST_QUANT_TENSOR_ROLE_QUANTIZED, nullptr);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(small.error().context, "t");
}

TEST(TensorBridge, MemoryAsADeviceLeftItHasScalesAlongItsChannels) {
  const GstPointer<GstBuffer> buffer(gst_buffer_new());
  QuantParams params;
  params.axis = 1;  // ONNX's
  for (int i = 0; i < 11; ++i) {
    params.scale.push_back(1.0F + static_cast<float>(i));
    params.zero_point.push_back(0.25F);
  }
  const DeviceTensor tensor = device_tensor(DeviceOrder::kFcr);
  ASSERT_TRUE(attach_device(buffer.get(), tensor, "known", &params, "device"));
  ASSERT_TRUE(attach_device(buffer.get(), tensor, "unknown", nullptr, "device"));
  const auto find = [&](const char* name) {
    return gst_buffer_get_quant_tensor(buffer.get(), GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                       g_quark_from_string(name));
  };
  EXPECT_EQ(find("known")->axis, 3);
  EXPECT_EQ(params_of(find("known"))->scale, params.scale);
  EXPECT_FALSE(params_of(find("unknown")));
  // A copy of the frame, as any element makes it, carries the layout along.
  const GstPointer<GstBuffer> copied(gst_buffer_copy_deep(buffer.get()));
  const auto back = device_from_gst(gst_buffer_get_quant_tensor(
      copied.get(), GST_QUANT_TENSOR_ROLE_QUANTIZED, g_quark_from_string("known")));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->layout, tensor.layout);
  params.scale.pop_back();
  params.zero_point.pop_back();
  const Status wrong = attach_device(buffer.get(), tensor, "wrong", &params, "device");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().context, "wrong");
}

class BufferWithTensors : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::array<Tensor, 2> tensors{counting({1, 3}), counting({2})};
    QuantParams per_channel;
    per_channel.scale = {1, 2, 3};
    per_channel.zero_point = {4, 5, 6};
    per_channel.axis = 1;
    per_channel.range_min = -8;
    per_channel.range_max = 8;
    QuantParams whole;
    whole.scale = {0.5F};
    whole.zero_point = {128};
    const std::array<QuantParams, 2> params{per_channel, whole};
    ASSERT_TRUE(
        attach(buffer_.get(), tensors, infos_, params, GST_QUANT_TENSOR_ROLE_QUANTIZED, "here"));
  }

  const std::vector<TensorInfo> infos_{{"a", DataType::kUint8, {1, 3}},
                                       {"b", DataType::kUint8, {2}}};
  GstPointer<GstBuffer> buffer_{gst_buffer_new()};
};

TEST_F(BufferWithTensors, GivesThemBackInTheOrderAskedFor) {
  const std::vector<TensorInfo> reversed{infos_[1], infos_[0]};
  const auto tensors = collect(buffer_.get(), reversed, GST_QUANT_TENSOR_ROLE_QUANTIZED);
  ASSERT_TRUE(tensors);
  EXPECT_EQ((*tensors)[0].shape(), (Shape{2}));
  EXPECT_EQ((*tensors)[1].shape(), (Shape{1, 3}));
}

TEST_F(BufferWithTensors, CarryTheirParameters) {
  GstQuantTensor* tensor = gst_buffer_get_quant_tensor(
      buffer_.get(), GST_QUANT_TENSOR_ROLE_QUANTIZED, g_quark_from_string("a"));
  const auto params = params_of(tensor);
  ASSERT_TRUE(params);
  EXPECT_EQ(params->scale, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(params->zero_point, (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(params->axis, 1);
  EXPECT_TRUE(tensor->has_range);
  EXPECT_EQ(tensor->range_min, -8);
}

TEST_F(BufferWithTensors, NameWhatIsMissingOrDifferent) {
  const std::vector<TensorInfo> missing{{"nobody knows this name", DataType::kUint8, {1}}};
  const auto absent = collect(buffer_.get(), missing, GST_QUANT_TENSOR_ROLE_QUANTIZED);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(absent.error().context, missing[0].name);
  const std::vector<TensorInfo> other_shape{{"a", DataType::kUint8, {1, 4}}};
  const auto different = collect(buffer_.get(), other_shape, GST_QUANT_TENSOR_ROLE_QUANTIZED);
  ASSERT_FALSE(different);
  EXPECT_EQ(different.error().code, ErrorCode::kInvalidData);
}

}  // namespace
}  // namespace quant::element
