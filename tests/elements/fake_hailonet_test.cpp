// SPDX-License-Identifier: MIT
// quantdequantize behind hailonet, in each version of its metadata: the size is the environment's
// FAKE_HAILONET_META_SIZE, one process each. The oracle is this project's own pipeline, whose
// emulator computes the same numbers.
#include "elements/fake_hailonet.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <cstring>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "plugin/tensor_bridge.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/model.h"
#include "quant/hef/hef_builder.h"

namespace quant::testing {
namespace {

using element::from_gst;
using ::testing::HasSubstr;

constexpr int kFrames = 3;

gsize meta_size() {
  const char* text = std::getenv("FAKE_HAILONET_META_SIZE");
  return text ? std::strtoul(text, nullptr, 10) : 184;
}

class Environment : public ::testing::Environment {
 public:
  void SetUp() override {
    // Whether gst_environment.cpp comes first is for the linker to say.
    gst_init(nullptr, nullptr);
    register_fake_hailonet(meta_size());
  }
};
const auto* const environment = ::testing::AddGlobalTestEnvironment(new Environment);

std::string frames(int count) {
  return "videotestsrc num-buffers=" + std::to_string(count) +
         " pattern=snow ! video/x-raw,format=RGB,width=32,height=24 ! ";
}

// A pipeline with the fake, its properties and those of quantdequantize.
class Behind {
 public:
  explicit Behind(const FakeHailonet& options, const std::string& properties, int count = kFrames)
      : pipeline(frames(count) + "fakehailonet name=net ! quantdequantize " + properties +
                 " ! fakesink name=sink") {
    configure_fake_hailonet(pipeline.element("net"), options);
  }
  bool run() {
    pipeline.keep_buffers("sink", "sink");
    return pipeline.run();
  }
  Pipeline pipeline;
};

GstQuantTensor* real(GstBuffer* buffer, const std::string& name) {
  return gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                                     g_quark_from_string(name.c_str()));
}

// The model's outputs on every frame, by this project's own elements.
std::vector<std::map<std::string, Tensor>> expected_outputs(const std::string& model) {
  Pipeline pipeline(frames(kFrames) + "quantnormalize ! quantinfer model=" + model +
                    " ! quantdequantize ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
  std::vector<std::map<std::string, Tensor>> result;
  for (GstBuffer* buffer : pipeline.buffers()) {
    auto& outputs = result.emplace_back();
    for (const char* name : {"heat", "pos"}) outputs[name] = from_gst(real(buffer, name))->clone();
  }
  return result;
}

void expect_equal(GstQuantTensor* tensor, const Tensor& want) {
  ASSERT_TRUE(tensor);
  const auto values = from_gst(tensor);
  ASSERT_TRUE(values) << values.error().text();
  ASSERT_EQ(values->shape(), want.shape());
  EXPECT_EQ(std::memcmp(values->raw(), want.raw(), want.bytes()), 0) << tensor->name;
}

void expect_the_emulators(Pipeline& pipeline, const std::string& model, const std::string& source) {
  const auto want = expected_outputs(model);
  const auto buffers = pipeline.buffers();
  ASSERT_EQ(buffers.size(), want.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    for (const auto& [name, tensor] : want[i]) {
      expect_equal(real(buffers[i], name), tensor);
      EXPECT_STREQ(real(buffers[i], name)->source, source.c_str());
    }
  }
}

std::string wide_model() {
  TinyModelOptions options;
  options.raw = RawOutputs::kWordsPerChannel;
  return tiny_model(options);
}

TEST(BehindHailonet, OutputsAreTheEmulators) {
  Behind test({.model = tiny_model()}, "model=" + tiny_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, tiny_model(), "quantdequantize (tensor)");
}

TEST(BehindHailonet, OutputsOfOtherNamesAreFoundBySize) {
  Behind test({.model = tiny_model(), .names = {{"heat", "net/conv7"}, {"pos", "net/fc1"}}},
              "model=" + tiny_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, tiny_model(), "quantdequantize (tensor)");
}

TEST(BehindHailonet, OutputsOfOtherNamesAreFoundAsTold) {
  const FakeHailonet renamed{.model = tiny_model(), .names = {{"heat", "pos"}, {"pos", "heat"}}};
  Behind told(renamed, "output-names=\"heat=pos,pos=heat\" model=" + tiny_model());
  ASSERT_TRUE(told.run()) << told.pipeline.error();
  expect_the_emulators(told.pipeline, tiny_model(), "quantdequantize (tensor)");
  // Untold, the names are believed, and do not fit.
  Behind untold(renamed, "model=" + tiny_model());
  EXPECT_FALSE(untold.run());
  EXPECT_THAT(untold.pipeline.error(), HasSubstr("heat"));
  Behind wrong(renamed, "output-names=heat model=" + tiny_model());
  EXPECT_FALSE(wrong.run());
  EXPECT_THAT(wrong.pipeline.error(), HasSubstr("output-names"));
}

// uint16 and a scale for each channel, which hailonet has no field for.
TEST(BehindHailonet, ScaleZeroIsUnknownAndTheArchiveKnows) {
  Behind test({.model = wide_model(), .scale_is_zero = true}, "model=" + wide_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, wide_model(), "quantdequantize (archive)");
}

TEST(BehindHailonet, ScaleZeroWithoutAnyoneWhoKnowsIsAnError) {
  Behind test({.model = wide_model(), .scale_is_zero = true}, "");
  EXPECT_FALSE(test.run());
  EXPECT_THAT(test.pipeline.error(), HasSubstr("heat"));
  EXPECT_THAT(test.pipeline.error(), HasSubstr("hef-location"));
}

// A HEF of the wide model: scales of channels, and how the device lays out its frames.
std::string hef_of_wide_model() {
  const auto model = *Model::open(wide_model());
  std::vector<StreamSpec> streams;
  for (std::size_t i = 0; i < 2; ++i) {
    const StreamShape shape = stream_shape(model->raw_outputs()[i]);
    const QuantParams& params = model->raw_params()[i];
    StreamSpec stream;
    stream.name = model->raw_outputs()[i].name;
    stream.height = stream.padded_height = static_cast<std::uint32_t>(shape.height);
    stream.width = static_cast<std::uint32_t>(shape.width);
    stream.padded_width = (stream.width + 7) / 8 * 8;
    stream.features = stream.padded_features = static_cast<std::uint32_t>(shape.channels);
    stream.data_bytes = 2;
    stream.original_names = {};
    for (std::uint32_t c = 0; c < stream.features; ++c) {
      const std::size_t k = params.per_channel() ? c : 0;
      stream.zero_points.push_back(params.zero_point[k]);
      stream.scales.push_back(params.scale[k]);
    }
    streams.push_back(stream);
  }
  RootSpec root;
  root.extensions.push_back(25);  // OUTPUT_SCALE_PER_FEATURE
  const auto bytes = hef_bytes(root_of_streams(streams, root));
  return scratch_file("wide.hef", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

TEST(BehindHailonet, TheHefIsTrustedBeforeTheArchive) {
  Behind test({.model = wide_model(), .scale_is_zero = true},
              "hef-location=" + hef_of_wide_model() + " model=" + wide_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, wide_model(), "quantdequantize (hef)");
}

// hailonet no-transform=true: the device's own layout, known from the HEF alone.
TEST(BehindHailonet, MemoryOfTheDeviceIsReadByTheHef) {
  const FakeHailonet raw{.model = wide_model(), .scale_is_zero = true, .no_transform = true};
  Behind test(raw, "hef-location=" + hef_of_wide_model() + " model=" + wide_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, wide_model(), "quantdequantize (hef)");
  Behind without(raw, "model=" + wide_model());
  EXPECT_FALSE(without.run());
  EXPECT_THAT(without.pipeline.error(), HasSubstr("no-transform"));
}

// output-format-type=HAILO_FORMAT_TYPE_FLOAT32, of which the metadata knows nothing: floats are not
// dequantized once more.
TEST(BehindHailonet, FloatsAreRecognizedByTheirSize) {
  for (const std::string& model : {tiny_model(), wide_model()}) {
    Behind test({.model = model, .floats = true}, "model=" + model);
    ASSERT_TRUE(test.run()) << test.pipeline.error();
    expect_the_emulators(test.pipeline, model, "quantdequantize (values)");
  }
}

TEST(BehindHailonet, WithoutAModelTensorsKeepNameAndPixels) {
  Behind test({.model = tiny_model(), .names = {{"heat", "net/conv7"}}}, "");
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  const auto want = expected_outputs(tiny_model());
  for (std::size_t i = 0; i < want.size(); ++i) {
    // One channel: NCHW and NHWC are the same.
    expect_equal(real(test.pipeline.buffers()[i], "net/conv7"),
                 want[i].at("heat").reshaped({1, 24, 32, 1}));
    expect_equal(real(test.pipeline.buffers()[i], "pos"), want[i].at("pos").reshaped({1, 1, 1, 2}));
  }
}

int parents_of(GstBuffer* buffer) {
  int count = 0;
  gpointer walk = nullptr;
  while (gst_buffer_iterate_meta_filtered(buffer, &walk, GST_PARENT_BUFFER_META_API_TYPE)) ++count;
  return count;
}

TEST(BehindHailonet, BoxesArePassedOn) {
  Behind test({.model = tiny_model(), .boxes = true}, "model=" + tiny_model());
  ASSERT_TRUE(test.run()) << test.pipeline.error();
  expect_the_emulators(test.pipeline, tiny_model(), "quantdequantize (tensor)");
  for (GstBuffer* buffer : test.pipeline.buffers()) {
    EXPECT_EQ(parents_of(buffer), 3);
    EXPECT_FALSE(real(buffer, "nms"));
  }
  Behind alone({.model = tiny_model(), .boxes_alone = true}, "");
  ASSERT_TRUE(alone.run()) << alone.pipeline.error();
  for (GstBuffer* buffer : alone.pipeline.buffers()) EXPECT_EQ(parents_of(buffer), 1);
  Behind model({.model = tiny_model(), .boxes_alone = true}, "model=" + tiny_model());
  EXPECT_FALSE(model.run());
  EXPECT_THAT(model.pipeline.error(), HasSubstr("NMS"));
}

TEST(BehindHailonet, AMissingTensorIsNamed) {
  for (const std::string& properties : {std::string(), "model=" + tiny_model()}) {
    Behind test({.model = tiny_model(), .missing_from = 1}, properties);
    EXPECT_FALSE(test.run());
    EXPECT_EQ(test.pipeline.buffers().size(), 1U);
    EXPECT_THAT(test.pipeline.error(), HasSubstr("heat"));
  }
}

TEST(BehindHailonet, BytesThatAreNoTensorAreNamed) {
  Behind test({.model = tiny_model(), .cut_bytes = 1}, "model=" + tiny_model());
  EXPECT_FALSE(test.run());
  EXPECT_THAT(test.pipeline.error(), HasSubstr("heat"));
  EXPECT_THAT(test.pipeline.error(), HasSubstr("767 bytes"));
}

// What a failed inference leaves cannot be told from an answer: docs/elements.md says so.
TEST(BehindHailonet, StaleTensorsLookLikeAnswers) {
  Behind test({.model = tiny_model(), .stale_from = 1}, "model=" + tiny_model());
  EXPECT_TRUE(test.run()) << test.pipeline.error();
  EXPECT_EQ(test.pipeline.buffers().size(), static_cast<std::size_t>(kFrames));
}

// hailonet's pool is small; the fake's has four of each tensor.
TEST(BehindHailonet, TensorsAreNotHeld) {
  Behind test({.model = tiny_model()}, "model=" + tiny_model(), 40);
  EXPECT_TRUE(test.pipeline.run()) << test.pipeline.error();
}

TEST(BehindHailonet, AnEndThatNeverComesDoesNotKeepItFromStopping) {
  Behind test({.model = tiny_model(), .loses_eos = true}, "model=" + tiny_model());
  test.pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(test.pipeline.set_state(GST_STATE_PLAYING));
  EXPECT_FALSE(test.pipeline.wait(300 * GST_MSECOND));
  EXPECT_EQ(test.pipeline.error(), "");
  EXPECT_EQ(test.pipeline.buffers().size(), static_cast<std::size_t>(kFrames));
  test.pipeline.forget_buffers();
  EXPECT_TRUE(test.pipeline.set_state(GST_STATE_NULL));
}

// Run alone, with a size that no version has.
TEST(BehindAnotherHailonet, MetadataOfUnknownSizeIsRefused) {
  if (meta_size() != 200) GTEST_SKIP() << "the metadata has " << meta_size() << " bytes";
  Behind test({.model = tiny_model()}, "model=" + tiny_model());
  EXPECT_FALSE(test.run());
  EXPECT_THAT(test.pipeline.error(), HasSubstr("200 bytes"));
  EXPECT_THAT(test.pipeline.error(), HasSubstr("GstHailoTensorMeta"));
}

}  // namespace
}  // namespace quant::testing
