// SPDX-License-Identifier: MIT
// Raw tensors as a device leaves them in memory, through quantdequantize and quanttee: the same
// numbers as those of the emulator, which are dense.
#include <gmock/gmock.h>
#include <gst/gst.h>

#include <cstring>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "plugin/tensor_bridge.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/model.h"

namespace quant::testing {
namespace {

using element::attach_device;
using element::from_gst;
using ::testing::HasSubstr;

// How a frame comes from the device.
struct Case {
  DeviceOrder order = DeviceOrder::kNhwc;
  bool wide = false;  // uint16, and one output with a scale for each channel
  bool knows_params = true;
};

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return std::string(to_string(info.param.order)) + (info.param.wide ? "_uint16" : "_uint8") +
         (info.param.knows_params ? "" : "_unknown");
}

std::string model_of(const Case& one) {
  TinyModelOptions options;
  if (one.wide) options.raw = RawOutputs::kWordsPerChannel;
  return tiny_model(options);
}

// Element by element, padding filled with what no output has to have.
DeviceTensor lay_out(const Tensor& planes, const TensorInfo& info, DeviceOrder order) {
  const StreamShape shape = stream_shape(info);
  DeviceLayout layout =
      dense_layout(order, planes.type(), shape.height, shape.width, shape.channels);
  if (order != DeviceOrder::kNc) layout.padded_width += 3;
  if (order != DeviceOrder::kNhw && order != DeviceOrder::kF8cr) layout.padded_channels += 5;
  DeviceTensor result{layout, Tensor(planes.type(), {padded_element_count(layout)})};
  std::memset(result.memory.raw(), 0xEE, result.memory.bytes());
  const DeviceStrides strides = strides_of(layout);
  const std::size_t size = size_of(planes.type());
  std::size_t from = 0;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t h = 0; h < shape.height; ++h) {
      for (std::int64_t w = 0; w < shape.width; ++w) {
        std::memcpy(result.memory.raw() + static_cast<std::size_t>(strides.offset(h, w, c)) * size,
                    planes.raw() + from++ * size, size);
      }
    }
  }
  return result;
}

// "heat" has one channel and many pixels, "pos" one pixel.
bool can_hold(DeviceOrder order, const std::string& output) {
  if (order == DeviceOrder::kNhw) return output == "heat";
  if (order == DeviceOrder::kNc) return output == "pos";
  return true;
}

class DeviceMemory : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    model_ = *Model::open(model_of(GetParam()));
    Pipeline pipeline(frames() + "quantnormalize ! quantinfer model=" + model_->path() +
                      " ! quantdequantize ! fakesink name=sink");
    pipeline.keep_buffers("sink", "sink");
    ASSERT_TRUE(pipeline.run()) << pipeline.error();
    const auto keep = [&](const auto& infos, GstQuantTensorRole role, auto& to) {
      const auto tensors = element::collect(pipeline.buffers().at(0), infos, role);
      ASSERT_TRUE(tensors) << tensors.error().text();
      for (const Tensor& tensor : *tensors) to.push_back(tensor.clone());
    };
    keep(model_->raw_outputs(), GST_QUANT_TENSOR_ROLE_QUANTIZED, raw_);
    keep(model_->outputs(), GST_QUANT_TENSOR_ROLE_DEQUANTIZED, outputs_);
  }

  static std::string frames() {
    return "videotestsrc num-buffers=1 pattern=snow ! video/x-raw,format=RGB,width=32,height=24 ! ";
  }

  // Instead of quantinfer: attaches what the device left.
  void device_at(Pipeline& pipeline) {
    GstPad* pad = gst_element_get_static_pad(pipeline.element("device"), "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer self) {
          GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
          static_cast<DeviceMemory*>(self)->attach(buffer);
          GST_PAD_PROBE_INFO_DATA(info) = buffer;
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    gst_object_unref(pad);
  }

  void attach(GstBuffer* buffer) {
    for (std::size_t i = 0; i < raw_.size(); ++i) {
      const TensorInfo& info = model_->raw_outputs()[i];
      const DeviceOrder order =
          can_hold(GetParam().order, info.name) ? GetParam().order : DeviceOrder::kFcr;
      const QuantParams* params = GetParam().knows_params ? &model_->raw_params()[i] : nullptr;
      const Status status =
          attach_device(buffer, lay_out(raw_[i], info, order), info.name, params, "device");
      EXPECT_TRUE(status) << status.error().text();
    }
  }

  std::shared_ptr<const Model> model_;
  std::vector<Tensor> raw_;
  std::vector<Tensor> outputs_;
};

TEST_P(DeviceMemory, BecomesTheModelsOutputs) {
  Pipeline pipeline(frames() + "quantnormalize ! identity name=device ! quantdequantize model=" +
                    model_->path() + " ! quanttee ! fakesink name=sink");
  device_at(pipeline);
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 1U);
  GstBuffer* buffer = pipeline.buffers().at(0);
  const auto values =
      element::collect(buffer, model_->outputs(), GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
  ASSERT_TRUE(values) << values.error().text();
  for (std::size_t i = 0; i < values->size(); ++i) {
    EXPECT_EQ(std::memcmp((*values)[i].raw(), outputs_[i].raw(), outputs_[i].bytes()), 0) << i;
    EXPECT_STREQ(
        gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                                    g_quark_from_string(model_->outputs()[i].name.c_str()))
            ->source,
        GetParam().knows_params ? "quantdequantize (tensor)" : "quantdequantize (archive)");
  }
}

TEST_P(DeviceMemory, BecomesDensePixelsWithoutAModel) {
  Pipeline pipeline(frames() + "identity name=device ! quantdequantize ! fakesink name=sink");
  device_at(pipeline);
  pipeline.keep_buffers("sink", "sink");
  if (!GetParam().knows_params) {
    EXPECT_FALSE(pipeline.run());
    EXPECT_THAT(pipeline.error(), HasSubstr("the scale is not known"));
    return;
  }
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  for (std::size_t i = 0; i < raw_.size(); ++i) {
    const StreamShape shape = stream_shape(model_->raw_outputs()[i]);
    const auto values = from_gst(
        gst_buffer_get_quant_tensor(pipeline.buffers().at(0), GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                                    g_quark_from_string(shape.name.c_str())));
    ASSERT_TRUE(values);
    EXPECT_EQ(values->shape(), (Shape{1, shape.height, shape.width, shape.channels}));
    // One channel, or one pixel: NCHW, which ONNX has, and NHWC are the same.
    EXPECT_EQ(std::memcmp(values->raw(), outputs_[i].raw(), outputs_[i].bytes()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryOrder, DeviceMemory,
    ::testing::Values(Case{DeviceOrder::kNhwc}, Case{DeviceOrder::kNhcw}, Case{DeviceOrder::kNchw},
                      Case{DeviceOrder::kFcr}, Case{DeviceOrder::kF8cr}, Case{DeviceOrder::kNhw},
                      Case{DeviceOrder::kNc}, Case{DeviceOrder::kNhwc, true},
                      Case{DeviceOrder::kNhcw, true}, Case{DeviceOrder::kNchw, true},
                      Case{DeviceOrder::kFcr, true}, Case{DeviceOrder::kF8cr, true},
                      Case{DeviceOrder::kNhw, true}, Case{DeviceOrder::kNc, true},
                      Case{DeviceOrder::kNhcw, false, false},
                      Case{DeviceOrder::kF8cr, true, false}),
    name_of);

// Whoever registers hailonet's names keeps hailonet from loading. This process has no fake.
TEST(DeviceMemoryOf, HailonetIsNotRegisteredHere) {
  Pipeline pipeline(
      "videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=32,height=24 ! quantdequantize ! "
      "fakesink");
  EXPECT_FALSE(pipeline.run());
  EXPECT_THAT(pipeline.error(), HasSubstr("hailonet"));
  EXPECT_EQ(g_type_from_name("GstHailoTensorMetaAPI"), GType{0});
  EXPECT_EQ(g_type_from_name("GstHailoTensorMeta"), GType{0});
}

}  // namespace
}  // namespace quant::testing
