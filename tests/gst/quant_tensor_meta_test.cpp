// SPDX-License-Identifier: MIT
#include <gst/quant/quant.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

extern "C" GstBuffer* c_api_make_buffer(void);

namespace {

GstQuantTensor* tensor_named(const std::string& name, GstQuantTensorRole role) {
  const gsize dims[] = {3};
  return gst_quant_tensor_new(name.c_str(), role, GST_QUANT_TENSOR_DATA_TYPE_UINT8,
                              gst_buffer_new_memdup("abc", 3), 1, dims);
}

void add(GstBuffer* buffer, const std::string& name, GstQuantTensorRole role) {
  ASSERT_TRUE(gst_buffer_add_quant_tensor_meta(buffer, tensor_named(name, role)));
}

std::vector<std::string> names(GstBuffer* buffer) {
  std::vector<std::string> result;
  gpointer state = nullptr;
  while (GstQuantTensor* tensor = gst_buffer_iterate_quant_tensor(buffer, &state)) {
    result.emplace_back(tensor->name);
  }
  return result;
}

TEST(QuantTensorMeta, CarriesNoTags) {
  for (const GType api : {GST_QUANT_TENSOR_META_API_TYPE, GST_QUANT_SNR_META_API_TYPE}) {
    const gchar* const* tags = gst_meta_api_type_get_tags(api);
    EXPECT_TRUE(!tags || !*tags) << g_type_name(api);
  }
}

TEST(QuantTensorMeta, IsFoundByRoleAndName) {
  GstBuffer* buffer = gst_buffer_new();
  add(buffer, "a", GST_QUANT_TENSOR_ROLE_QUANTIZED);
  add(buffer, "a", GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
  add(buffer, "b", GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
  EXPECT_EQ(names(buffer), (std::vector<std::string>{"a", "a", "b"}));
  const auto find = [&](GstQuantTensorRole role, const char* name) {
    return gst_buffer_get_quant_tensor(buffer, role, name ? g_quark_from_string(name) : 0);
  };
  EXPECT_EQ(find(GST_QUANT_TENSOR_ROLE_DEQUANTIZED, "a")->role, GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
  EXPECT_STREQ(find(GST_QUANT_TENSOR_ROLE_DEQUANTIZED, nullptr)->name, "b");
  EXPECT_EQ(find(GST_QUANT_TENSOR_ROLE_QUANTIZED, "b"), nullptr);
  EXPECT_EQ(find(GST_QUANT_TENSOR_ROLE_INPUT, nullptr), nullptr);
  gst_buffer_unref(buffer);
}

TEST(QuantTensorMeta, GivesTheLastOfEqualNames) {
  GstBuffer* buffer = gst_buffer_new();
  add(buffer, "a", GST_QUANT_TENSOR_ROLE_QUANTIZED);
  GstQuantTensor* last = tensor_named("a", GST_QUANT_TENSOR_ROLE_QUANTIZED);
  gst_buffer_add_quant_tensor_meta(buffer, last);
  EXPECT_EQ(gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                        g_quark_from_string("a")),
            last);
  gst_buffer_unref(buffer);
}

class CopiedBuffer : public ::testing::TestWithParam<std::string> {
 protected:
  static GstBuffer* copy(GstBuffer* buffer, const std::string& way) {
    if (way == "shallow") return gst_buffer_copy(buffer);
    if (way == "deep") return gst_buffer_copy_deep(buffer);
    return gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, 1, 2);
  }
};

TEST_P(CopiedBuffer, SharesTensorsAndFigures) {
  GstBuffer* buffer = c_api_make_buffer();
  gst_buffer_append_memory(buffer, gst_allocator_alloc(nullptr, 8, nullptr));
  GstBuffer* copied = copy(buffer, GetParam());
  const auto tensor_on = [](GstBuffer* on) {
    return gst_buffer_get_quant_tensor(on, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                       g_quark_from_string("scores"));
  };
  EXPECT_EQ(tensor_on(copied), tensor_on(buffer));
  EXPECT_EQ(gst_buffer_get_quant_snr_record(copied), gst_buffer_get_quant_snr_record(buffer));
  gst_buffer_unref(buffer);
  // The copy keeps what it shares alive.
  GstQuantTensor* tensor = tensor_on(copied);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(gst_buffer_memcmp(tensor->data, 0, "ab", 2), 0);
  EXPECT_EQ(tensor->scale[0], 0.5F);
  EXPECT_EQ(tensor->zero_point[0], 3);
  gst_buffer_unref(copied);
}

INSTANTIATE_TEST_SUITE_P(QuantTensorMeta, CopiedBuffer,
                         ::testing::Values("shallow", "deep", "region"),
                         [](const auto& parameter) { return parameter.param; });

TEST(QuantTensorMeta, IsReleasedByAPoolBetweenUses) {
  GstBufferPool* pool = gst_buffer_pool_new();
  GstStructure* config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, nullptr, 16, 1, 1);
  ASSERT_TRUE(gst_buffer_pool_set_config(pool, config));
  ASSERT_TRUE(gst_buffer_pool_set_active(pool, TRUE));
  for (int round = 0; round < 3; ++round) {
    GstBuffer* buffer = nullptr;
    ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &buffer, nullptr), GST_FLOW_OK);
    EXPECT_TRUE(names(buffer).empty()) << round;
    add(buffer, "a", GST_QUANT_TENSOR_ROLE_INPUT);
    gst_buffer_unref(buffer);
  }
  gst_buffer_pool_set_active(pool, FALSE);
  gst_object_unref(pool);
}

// What elements do to frames between inference and whoever reads the tensors.
TEST(QuantTensorMeta, SurvivesQueueTeeConversionScalingAndEncoding) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      "videotestsrc num-buffers=3 ! video/x-raw,format=RGB,width=64,height=48 ! "
      "identity name=attach ! queue ! tee name=t "
      "t. ! queue ! videoconvert ! video/x-raw,format=I420 ! videoscale ! "
      "video/x-raw,width=32,height=24 ! fakesink name=converted "
      "t. ! queue ! videocrop left=8 ! videoflip method=clockwise ! videoconvert ! fakesink "
      "name=moved",
      &error);
  ASSERT_TRUE(pipeline) << error->message;
  GstPad* pad = gst_element_get_static_pad(gst_bin_get_by_name(GST_BIN(pipeline), "attach"), "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer) {
        GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        gst_buffer_add_quant_tensor_meta(buffer,
                                         tensor_named("a", GST_QUANT_TENSOR_ROLE_QUANTIZED));
        gst_buffer_add_quant_snr_meta(buffer, gst_quant_snr_record_new(1));
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  gst_object_unref(GST_PAD_PARENT(pad));
  gst_object_unref(pad);
  int found[2] = {};
  const char* const sinks[2] = {"converted", "moved"};
  for (int i = 0; i < 2; ++i) {
    GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), sinks[i]);
    g_object_set(sink, "signal-handoffs", TRUE, nullptr);
    const auto count = +[](GstElement*, GstBuffer* buffer, GstPad*, gpointer counter) {
      const bool tensor = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                                      g_quark_from_string("a")) != nullptr;
      const bool figures = gst_buffer_get_quant_snr_record(buffer) != nullptr;
      *static_cast<int*>(counter) += tensor && figures ? 1 : 0;
    };
    g_signal_connect(sink, "handoff", G_CALLBACK(count), &found[i]);
    gst_object_unref(sink);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  EXPECT_EQ(GST_MESSAGE_TYPE(message), GST_MESSAGE_EOS);
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  EXPECT_EQ(found[0], 3);
  EXPECT_EQ(found[1], 3);
}

}  // namespace
