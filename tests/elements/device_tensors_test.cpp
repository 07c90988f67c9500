// SPDX-License-Identifier: MIT
// What a device leaves in memory, through a pipeline: for each layout, type and granularity the
// same numbers as the emulator's, and with noise of a known variance the ratio that it predicts.
// The oracle runs the emulator by hand on the frame's own pixels and reads the device's memory
// element by element.
#include <gtest/gtest.h>

#include <cmath>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "plugin/tensor_bridge.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/model.h"

namespace quant::testing {
namespace {

// Odd sizes, so that every layout has something to pad.
constexpr int kWidth = 37;
constexpr int kHeight = 23;
constexpr int kFrames = 4;

double value_at(const Tensor& tensor, std::int64_t index) {
  return tensor.type() == DataType::kUint8
             ? tensor.data<std::uint8_t>()[static_cast<std::size_t>(index)]
             : tensor.data<std::uint16_t>()[static_cast<std::size_t>(index)];
}

double real(double q, const QuantParams& params, std::int64_t channel) {
  const std::size_t c = params.per_channel() ? static_cast<std::size_t>(channel) : 0;
  return (static_cast<float>(q) - params.zero_point[c]) * params.scale[c];
}

// Of one output over all frames.
struct Compared {
  double signal = 0, noise = 0, predicted_noise = 0;
  std::int64_t elements = 0, different_integers = 0;
};

void compare(const Tensor& expected, const QuantParams& expected_params, const DeviceTensor& got,
             const QuantParams& got_params, double variance, Compared& result) {
  const DeviceStrides strides = strides_of(got.layout);
  std::int64_t i = 0;
  for (std::int64_t c = 0; c < got.layout.channels; ++c) {
    const double step =
        expected_params.scale[expected_params.per_channel() ? static_cast<std::size_t>(c) : 0];
    for (std::int64_t h = 0; h < got.layout.height; ++h) {
      for (std::int64_t w = 0; w < got.layout.width; ++w, ++i) {
        const double q = value_at(expected, i);
        const double q_device = value_at(got.memory, strides.offset(h, w, c));
        const double reference = real(q, expected_params, c);
        const double difference = reference - real(q_device, got_params, c);
        result.signal += reference * reference;
        result.noise += difference * difference;
        result.predicted_noise += variance * step * step;
        result.different_integers += q != q_device;
        ++result.elements;
      }
    }
  }
  EXPECT_EQ(i, expected.elements());
}

struct Case {
  DeviceOrder order;
  RawOutputs raw;
  bool widened;  // bytes of the model as words of the device
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const DeviceOrder order :
       {DeviceOrder::kNhwc, DeviceOrder::kNhcw, DeviceOrder::kNchw, DeviceOrder::kFcr,
        DeviceOrder::kF8cr, DeviceOrder::kNhw, DeviceOrder::kNc}) {
    for (const RawOutputs raw : {RawOutputs::kBytes, RawOutputs::kBytesPerChannel,
                                 RawOutputs::kWords, RawOutputs::kWordsPerChannel}) {
      cases.push_back({order, raw, false});
    }
    cases.push_back({order, RawOutputs::kBytesPerChannel, true});
  }
  return cases;
}

class DeviceLayouts : public ::testing::TestWithParam<Case> {
 protected:
  TinyModelOptions model_options() const {
    TinyModelOptions options;
    options.width = kWidth;
    options.height = kHeight;
    options.raw = GetParam().raw;
    // An index per pixel has one channel.
    options.heat_channels = GetParam().order == DeviceOrder::kNhw ? 1 : 5;
    return options;
  }

  // Plays the model on a fake device with these options; by output.
  std::vector<Compared> play(const std::string& options, double variance) {
    const std::string path = tiny_model(model_options());
    const auto model = *Model::open(path);
    const std::string type = GetParam().widened ? ",type=uint16" : "";
    Pipeline pipeline("videotestsrc pattern=snow num-buffers=" + std::to_string(kFrames) +
                      " ! video/x-raw,format=RGBx,width=" + std::to_string(kWidth) +
                      ",height=" + std::to_string(kHeight) +
                      " ! quantnormalize ! quantinfer backend=fake model=" + path +
                      " device-model=\"layout=" + to_string(GetParam().order) + type + "," +
                      options + "\" ! fakesink name=sink");
    pipeline.keep_buffers("sink", "sink");
    EXPECT_TRUE(pipeline.run()) << pipeline.error();
    std::vector<Compared> compared(model->raw_outputs().size());
    auto emulator = *model->make_emulator(1);
    EXPECT_EQ(pipeline.buffers().size(), static_cast<std::size_t>(kFrames));
    for (GstBuffer* buffer : pipeline.buffers()) {
      const auto input =
          element::from_gst(gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0));
      std::vector<Tensor> expected;
      EXPECT_TRUE(emulator->run(std::span(&*input, 1), expected));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        GstQuantTensor* found =
            gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                        g_quark_from_string(model->raw_outputs()[i].name.c_str()));
        EXPECT_STREQ(found->source, "fake");
        const auto tensor = element::device_from_gst(found);
        const auto params = element::params_of(found);
        EXPECT_TRUE(tensor) << tensor.error().text();
        if (!tensor || !params) continue;
        compare(expected[i], model->raw_params()[i], *tensor, *params, variance, compared[i]);
      }
    }
    return compared;
  }
};

TEST_P(DeviceLayouts, HoldTheEmulatorsNumbers) {
  for (const Compared& output : play("seed=3", 0)) {
    EXPECT_GT(output.signal, 0);
    EXPECT_EQ(output.noise, 0);
    EXPECT_EQ(output.different_integers, 0);
  }
}

TEST_P(DeviceLayouts, LoseToNoiseWhatItsVariancePredicts) {
  constexpr double kVariance = 0.5;
  for (const Compared& output : play("seed=3,noise=0.5", kVariance)) {
    // Too few elements vary by more than 0.2 dB by themselves.
    constexpr std::int64_t kEnough = 3000;
    if (output.elements < kEnough) continue;
    const double measured_db = 10 * std::log10(output.signal / output.noise);
    const double predicted_db = 10 * std::log10(output.signal / output.predicted_noise);
    EXPECT_NEAR(measured_db, predicted_db, 0.2);
    EXPECT_GT(measured_db, 10);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceLayouts, ::testing::ValuesIn(all_cases()),
                         [](const auto& parameter) {
                           const Case& c = parameter.param;
                           return std::string(to_string(c.order)) +
                                  std::to_string(static_cast<int>(c.raw)) +
                                  (c.widened ? "Widened" : "");
                         });

// An input whose rows the device wants padded is laid out for it.
TEST(DeviceInput, IsPaddedWhereTheDeviceWantsIt) {
  TinyModelOptions options;
  options.width = kWidth;
  options.height = kHeight;
  const auto model = *Model::open(tiny_model(options));
  Pipeline pipeline(
      "videotestsrc pattern=snow num-buffers=2 ! video/x-raw,width=64,height=48 ! "
      "quantnormalize ! quantinfer backend=fake device-model=input=padded model=" +
      model->path() + " ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  auto emulator = *model->make_emulator(1);
  for (GstBuffer* buffer : pipeline.buffers()) {
    const auto input =
        element::from_gst(gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0));
    std::vector<Tensor> expected;
    ASSERT_TRUE(emulator->run(std::span(&*input, 1), expected));
    GstQuantTensor* found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                                        g_quark_from_string("heat"));
    Compared compared;
    compare(expected[0], model->raw_params()[0], *element::device_from_gst(found),
            *element::params_of(found), 0, compared);
    EXPECT_EQ(compared.different_integers, 0);
  }
}

TEST(DeviceOutput, OfUnknownScaleSaysSo) {
  Pipeline pipeline(
      "videotestsrc num-buffers=1 ! video/x-raw,width=64,height=48 ! "
      "quantnormalize ! quantinfer backend=fake device-model=params=absent model=" +
      tiny_model() + " ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  GstQuantTensor* found = gst_buffer_get_quant_tensor(
      pipeline.buffers()[0], GST_QUANT_TENSOR_ROLE_QUANTIZED, g_quark_from_string("heat"));
  EXPECT_EQ(found->num_scales, 0U);
}

}  // namespace
}  // namespace quant::testing
