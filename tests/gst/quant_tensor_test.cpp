// SPDX-License-Identifier: MIT
#include <gst/quant/quant.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace {

GstBuffer* bytes(gsize count) { return gst_buffer_new_allocate(nullptr, count, nullptr); }

GstQuantTensor* tensor_of(std::initializer_list<gsize> dims, gsize size,
                          GstQuantTensorDataType type = GST_QUANT_TENSOR_DATA_TYPE_UINT8) {
  return gst_quant_tensor_new("t", GST_QUANT_TENSOR_ROLE_QUANTIZED, type, bytes(size), dims.size(),
                              dims.begin());
}

TEST(QuantTensor, KnowsItsNameSizeAndThatTheScaleIsUnknown) {
  g_autoptr(GstQuantTensor) tensor = tensor_of({1, 3, 4}, 48, GST_QUANT_TENSOR_DATA_TYPE_FLOAT32);
  ASSERT_TRUE(tensor);
  EXPECT_STREQ(tensor->name, "t");
  EXPECT_EQ(tensor->id, g_quark_from_string("t"));
  EXPECT_EQ(gst_quant_tensor_get_num_elements(tensor), 12U);
  EXPECT_EQ(gst_quant_tensor_get_size(tensor), 48U);
  EXPECT_EQ(tensor->num_scales, 0U);
  EXPECT_EQ(tensor->scale, nullptr);
  EXPECT_EQ(tensor->axis, -1);
  EXPECT_FALSE(tensor->has_range);
}

TEST(QuantTensor, RefusesDataThatIsTooSmall) {
  EXPECT_EQ(tensor_of({1, 3, 4}, 11), nullptr);
  EXPECT_EQ(tensor_of({1, 3, 4}, 47, GST_QUANT_TENSOR_DATA_TYPE_FLOAT32), nullptr);
}

// Sizes whose product wraps around 64 bits would look small.
TEST(QuantTensor, RefusesDimensionsWhoseProductOverflows) {
  EXPECT_EQ(tensor_of({G_MAXSIZE / 2, 4}, 64), nullptr);
  EXPECT_EQ(tensor_of({G_MAXSIZE / 4}, 64, GST_QUANT_TENSOR_DATA_TYPE_FLOAT64), nullptr);
}

TEST(QuantTensor, TakesScalarsEmptyTensorsAndOddNumbersOfNibbles) {
  g_autoptr(GstQuantTensor) scalar =
      gst_quant_tensor_new("s", GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                           GST_QUANT_TENSOR_DATA_TYPE_FLOAT32, bytes(4), 0, nullptr);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(gst_quant_tensor_get_num_elements(scalar), 1U);
  g_autoptr(GstQuantTensor) empty = tensor_of({0, 7}, 0);
  ASSERT_TRUE(empty);
  EXPECT_EQ(gst_quant_tensor_get_size(empty), 0U);
  g_autoptr(GstQuantTensor) nibbles = tensor_of({3}, 2, GST_QUANT_TENSOR_DATA_TYPE_INT4);
  ASSERT_TRUE(nibbles);
  EXPECT_EQ(gst_quant_tensor_get_size(nibbles), 2U);
}

TEST(QuantTensor, RefusesMoreDimensionsThanItHolds) {
  const std::array<gsize, GST_QUANT_TENSOR_MAX_DIMS + 1> dims = {};
  EXPECT_EQ(gst_quant_tensor_new("t", GST_QUANT_TENSOR_ROLE_INPUT, GST_QUANT_TENSOR_DATA_TYPE_UINT8,
                                 bytes(1), dims.size(), dims.data()),
            nullptr);
}

TEST(QuantTensor, KeepsOneScaleOrOneForEachChannel) {
  g_autoptr(GstQuantTensor) tensor = tensor_of({1, 3, 2}, 6);
  const std::array<float, 3> scale{0.5F, 0.25F, 2};
  const std::array<float, 3> zero_point{0, 128, 7.5F};
  ASSERT_TRUE(gst_quant_tensor_set_quantization(tensor, 3, scale.data(), zero_point.data(), 1));
  EXPECT_EQ(tensor->num_scales, 3U);
  EXPECT_EQ(tensor->axis, 1);
  EXPECT_EQ(tensor->scale[2], 2);
  EXPECT_EQ(tensor->zero_point[2], 7.5F);
  ASSERT_TRUE(gst_quant_tensor_set_quantization(tensor, 1, scale.data(), zero_point.data(), 5));
  EXPECT_EQ(tensor->num_scales, 1U);
  EXPECT_EQ(tensor->axis, -1);
}

TEST(QuantTensor, RefusesScalesThatCannotBeTrue) {
  g_autoptr(GstQuantTensor) tensor = tensor_of({1, 3, 2}, 6);
  const std::array<float, 3> zero_point{};
  const std::array<float, 3> good{1, 1, 1};
  EXPECT_FALSE(gst_quant_tensor_set_quantization(tensor, 0, good.data(), zero_point.data(), 1));
  EXPECT_FALSE(gst_quant_tensor_set_quantization(tensor, 3, good.data(), zero_point.data(), 2));
  EXPECT_FALSE(gst_quant_tensor_set_quantization(tensor, 3, good.data(), zero_point.data(), 3));
  EXPECT_FALSE(gst_quant_tensor_set_quantization(tensor, 3, good.data(), zero_point.data(), -1));
  for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    EXPECT_FALSE(gst_quant_tensor_set_quantization(tensor, 1, &bad, zero_point.data(), 0)) << bad;
  }
  EXPECT_EQ(tensor->num_scales, 0U);
}

TEST(QuantTensor, CanBeMemoryAsADeviceLeftIt) {
  // 3 rows of 5 pixels of 11 channels, in rows of 8 pixels of two blocks of eight, two bytes each.
  const gsize in_memory = gsize{3} * 8 * 16 * 2;
  g_autoptr(GstQuantTensor) tensor =
      tensor_of({1, 3, 5, 11}, in_memory, GST_QUANT_TENSOR_DATA_TYPE_UINT16);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->layout, GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS);
  EXPECT_EQ(tensor->padded_width, 0U);
  EXPECT_EQ(gst_quant_tensor_get_size(tensor), 3U * 5 * 11 * 2);
  ASSERT_TRUE(gst_quant_tensor_set_device_layout(tensor, GST_QUANT_TENSOR_LAYOUT_F8CR, 3, 8, 16));
  EXPECT_EQ(tensor->layout, GST_QUANT_TENSOR_LAYOUT_F8CR);
  EXPECT_EQ(tensor->padded_height, 3U);
  EXPECT_EQ(tensor->padded_width, 8U);
  EXPECT_EQ(tensor->padded_channels, 16U);
  EXPECT_EQ(gst_quant_tensor_get_size(tensor), in_memory);
  EXPECT_EQ(gst_quant_tensor_get_num_elements(tensor), 165U);
  EXPECT_STREQ(gst_quant_tensor_layout_get_nick(tensor->layout), "F8CR");
}

TEST(QuantTensor, RefusesLayoutsThatItCannotHave) {
  g_autoptr(GstQuantTensor) tensor = tensor_of({1, 2, 3, 4}, 64);
  const auto refuses = [](GstQuantTensor* of, GstQuantTensorLayout layout, gsize h, gsize w,
                          gsize c) {
    const GstQuantTensorLayout before = of->layout;
    return !gst_quant_tensor_set_device_layout(of, layout, h, w, c) && of->layout == before;
  };
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS, 2, 3, 4));
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHWC, 1, 3, 4)) << "fewer rows";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHWC, 2, 2, 4)) << "fewer columns";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHWC, 2, 3, 3)) << "fewer channels";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHWC, 2, 8, 5)) << "80 of 64 bytes";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHWC, 2, G_MAXSIZE / 2, 5)) << "wraps";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_F8CR, 2, 3, 9)) << "no whole blocks";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHW, 2, 3, 4)) << "channels";
  EXPECT_TRUE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NC, 2, 3, 4)) << "pixels";
  EXPECT_FALSE(refuses(tensor, GST_QUANT_TENSOR_LAYOUT_NHCW, 2, 8, 4));
  g_autoptr(GstQuantTensor) batch = tensor_of({2, 2, 3, 4}, 64);
  EXPECT_TRUE(refuses(batch, GST_QUANT_TENSOR_LAYOUT_NHWC, 2, 3, 4));
  g_autoptr(GstQuantTensor) flat = tensor_of({1, 4}, 64);
  EXPECT_TRUE(refuses(flat, GST_QUANT_TENSOR_LAYOUT_NC, 1, 1, 4));
  g_autoptr(GstQuantTensor) integers =
      tensor_of({1, 1, 1, 4}, 64, GST_QUANT_TENSOR_DATA_TYPE_INT32);
  EXPECT_TRUE(refuses(integers, GST_QUANT_TENSOR_LAYOUT_NC, 1, 1, 4));
}

TEST(QuantTensor, ReleasesItsDataWithTheLastReference) {
  GstBuffer* data = bytes(4);
  gst_buffer_ref(data);
  GstQuantTensor* tensor = nullptr;
  const gsize dims[] = {4};
  tensor = gst_quant_tensor_new("t", GST_QUANT_TENSOR_ROLE_INPUT, GST_QUANT_TENSOR_DATA_TYPE_UINT8,
                                data, 1, dims);
  auto* boxed = static_cast<GstQuantTensor*>(g_boxed_copy(GST_TYPE_QUANT_TENSOR, tensor));
  EXPECT_EQ(boxed, tensor);
  gst_quant_tensor_unref(tensor);
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(data), 2);
  g_boxed_free(GST_TYPE_QUANT_TENSOR, boxed);
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(data), 1);
  gst_buffer_unref(data);
}

TEST(QuantModelContext, CarriesAPath) {
  GstContext* context = gst_quant_model_context_new("/models/face.qar");
  EXPECT_TRUE(gst_context_is_persistent(context));
  EXPECT_STREQ(gst_quant_model_context_get_path(context), "/models/face.qar");
  gst_context_unref(context);
  GstContext* other = gst_context_new("gst.other", FALSE);
  EXPECT_EQ(gst_quant_model_context_get_path(other), nullptr);
  gst_context_unref(other);
}

}  // namespace
