// SPDX-License-Identifier: MIT
// The four elements in pipelines: what they attach, what they leave alone, what they refuse.
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "plugin/tensor_bridge.h"
#include "quant/backend/model.h"
#include "quant/metrics/snr.h"

namespace quant::testing {
namespace {

using element::collect;
using element::from_gst;

std::string caps(const std::string& format, int width, int height) {
  return "video/x-raw,format=" + format + ",width=" + std::to_string(width) +
         ",height=" + std::to_string(height);
}

// A short clip of noise through all elements but the tee; the model is named where `named` says.
std::string chain(const std::string& named, const std::string& source_caps) {
  const std::string model = " model=" + tiny_model();
  const auto of = [&](const std::string& element) {
    return element + (named == element ? model : "");
  };
  return "videotestsrc num-buffers=3 pattern=snow ! " + source_caps + " ! " + of("quantnormalize") +
         " ! queue ! tee ! " + of("quantinfer") + " ! " + of("quantdequantize") + " ! " +
         of("quanttee") + " ! fakesink name=sink";
}

class ModelNamedOnceAt : public ::testing::TestWithParam<std::string> {};

TEST_P(ModelNamedOnceAt, IsFoundByTheOthers) {
  Pipeline pipeline(chain(GetParam(), caps("RGB", 32, 24)));
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Elements, ModelNamedOnceAt,
                         ::testing::Values("quantnormalize", "quantinfer", "quantdequantize",
                                           "quanttee"),
                         [](const auto& parameter) { return parameter.param; });

TEST(ModelContext, CanBeTheApplications) {
  Pipeline pipeline(chain("", caps("RGB", 32, 24)));
  GstContext* context = gst_quant_model_context_new(tiny_model().c_str());
  gst_element_set_context(pipeline.get(), context);
  gst_context_unref(context);
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
}

TEST(ModelContext, NobodyNamingOneIsAnError) {
  Pipeline pipeline(chain("", caps("RGB", 32, 24)));
  EXPECT_FALSE(pipeline.run());
  EXPECT_EQ(pipeline.error_domain(), GST_RESOURCE_ERROR);
  EXPECT_EQ(pipeline.error_code(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_NE(pipeline.error().find("model property"), std::string::npos) << pipeline.error();
}

// Two branches, two models: each element listens to its own neighbours.
TEST(ModelContext, TwoModelsInOnePipeline) {
  TinyModelOptions gray;
  gray.width = 16;
  gray.height = 16;
  gray.color = ColorOrder::kGray;
  Pipeline pipeline(
      "videotestsrc num-buffers=2 ! " + caps("I420", 40, 30) +
      " ! tee name=t  t. ! queue ! quantnormalize ! quantinfer model=" + tiny_model() +
      " ! quantdequantize ! quanttee ! fakesink  t. ! queue ! quantnormalize ! quantinfer model=" +
      tiny_model(gray) + " ! quantdequantize ! quanttee ! fakesink");
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 4U);
}

TEST(Elements, TensorsOfEveryRoleRideOnTheFrame) {
  const auto model = *Model::open(tiny_model());
  Pipeline pipeline("videotestsrc num-buffers=2 pattern=snow ! " + caps("RGB", 32, 24) +
                    " ! quantnormalize ! quantinfer model=" + tiny_model() +
                    " ! quantdequantize ! quanttee attach-reference=true ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  ASSERT_EQ(pipeline.buffers().size(), 2U);
  for (GstBuffer* buffer : pipeline.buffers()) {
    EXPECT_TRUE(collect(buffer, model->raw_outputs(), GST_QUANT_TENSOR_ROLE_QUANTIZED));
    const auto tested = collect(buffer, model->outputs(), GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
    const auto expected = collect(buffer, model->outputs(), GST_QUANT_TENSOR_ROLE_REFERENCE);
    ASSERT_TRUE(tested);
    ASSERT_TRUE(expected);
    const GstQuantSnrRecord* record = gst_buffer_get_quant_snr_record(buffer);
    ASSERT_TRUE(record);
    ASSERT_EQ(record->num_outputs, model->outputs().size());
    for (std::size_t i = 0; i < tested->size(); ++i) {
      const auto error = measure_error((*expected)[i], (*tested)[i]);
      ASSERT_TRUE(error);
      EXPECT_EQ(record->outputs[i].name, model->outputs()[i].name);
      EXPECT_DOUBLE_EQ(record->outputs[i].frame.snr_db, error->snr().db);
    }
  }
}

// The oracle runs the same model by hand on the frame's own pixels.
TEST(Elements, RawTensorsAreTheEmulatorsOwn) {
  const auto model = *Model::open(tiny_model());
  Pipeline pipeline("videotestsrc num-buffers=2 pattern=snow ! " + caps("RGB", 32, 24) +
                    " ! quantnormalize ! quantinfer threads=2 model=" + tiny_model() +
                    " ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  auto emulator = *model->make_emulator(1);
  for (GstBuffer* buffer : pipeline.buffers()) {
    Tensor frame(DataType::kUint8, Shape{1, 24, 32, 3});
    ASSERT_EQ(gst_buffer_extract(buffer, 0, frame.raw(), frame.bytes()), frame.bytes());
    std::vector<Tensor> expected;
    ASSERT_TRUE(emulator->run(std::span(&frame, 1), expected));
    const auto raw = collect(buffer, model->raw_outputs(), GST_QUANT_TENSOR_ROLE_QUANTIZED);
    ASSERT_TRUE(raw);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(std::memcmp(expected[i].raw(), (*raw)[i].raw(), expected[i].bytes()), 0) << i;
      GstQuantTensor* tensor =
          gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                      g_quark_from_string(model->raw_outputs()[i].name.c_str()));
      EXPECT_EQ(tensor->scale[0], model->raw_params()[i].scale[0]);
      EXPECT_EQ(tensor->zero_point[0], model->raw_params()[i].zero_point[0]);
      EXPECT_STREQ(tensor->source, "emulator");
    }
  }
}

// uint16, and parameters per channel, from the emulator to the report.
TEST(Elements, SixteenBitOutputsPassThroughAll) {
  TinyModelOptions wide;
  wide.raw = RawOutputs::kWordsPerChannel;
  const auto model = *Model::open(tiny_model(wide));
  Pipeline pipeline("videotestsrc num-buffers=2 pattern=snow ! " + caps("RGB", 32, 24) +
                    " ! quantnormalize ! quantinfer model=" + tiny_model(wide) +
                    " ! quantdequantize ! quanttee ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 2U);
  for (GstBuffer* buffer : pipeline.buffers()) {
    const auto raw = collect(buffer, model->raw_outputs(), GST_QUANT_TENSOR_ROLE_QUANTIZED);
    const auto real = collect(buffer, model->outputs(), GST_QUANT_TENSOR_ROLE_DEQUANTIZED);
    ASSERT_TRUE(raw) << raw.error().text();
    ASSERT_TRUE(real) << real.error().text();
    for (std::size_t o = 0; o < raw->size(); ++o) {
      ASSERT_EQ((*raw)[o].type(), DataType::kUint16);
      GstQuantTensor* found =
          gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                      g_quark_try_string(model->raw_outputs()[o].name.c_str()));
      const auto params = element::params_of(found);
      ASSERT_TRUE(params);
      EXPECT_EQ(params->scale.size(), (*raw)[o].shape()[1] == 2 ? 2U : 1U);
      const auto q = (*raw)[o].data<std::uint16_t>();
      EXPECT_GT(*std::max_element(q.begin(), q.end()), 255);
      for (std::size_t i = 0; i < q.size(); ++i) {
        const std::size_t c = params->scale.size() == 1 ? 0 : i % 2;
        EXPECT_EQ((*real)[o].data<float>()[i],
                  (static_cast<float>(q[i]) - params->zero_point[c]) * params->scale[c]);
      }
    }
    const GstQuantSnrRecord* record = gst_buffer_get_quant_snr_record(buffer);
    ASSERT_TRUE(record);
    for (guint i = 0; i < record->num_outputs; ++i) EXPECT_GT(record->outputs[i].frame.snr_db, 20);
  }
}

TEST(Elements, WithoutAModelEachTensorIsDequantizedByItself) {
  Pipeline pipeline("videotestsrc num-buffers=1 ! " + caps("RGB", 32, 24) +
                    " ! quantnormalize ! quantinfer name=infer model=" + tiny_model() +
                    " ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  GstBuffer* frame = pipeline.buffers().at(0);
  Pipeline second(
      "fakesrc num-buffers=1 ! video/x-raw ! identity name=attach ! quantdequantize ! "
      "fakesink name=sink");
  GstPad* pad = gst_element_get_static_pad(second.element("attach"), "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer from) {
        GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        gst_buffer_copy_into(buffer, static_cast<GstBuffer*>(from), GST_BUFFER_COPY_META, 0,
                             static_cast<gsize>(-1));
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        return GST_PAD_PROBE_OK;
      },
      frame, nullptr);
  gst_object_unref(pad);
  second.keep_buffers("sink", "sink");
  ASSERT_TRUE(second.run()) << second.error();
  GstBuffer* buffer = second.buffers().at(0);
  int dequantized = 0;
  gpointer state = nullptr;
  while (GstQuantTensor* tensor = gst_buffer_iterate_quant_tensor(buffer, &state)) {
    if (tensor->role != GST_QUANT_TENSOR_ROLE_QUANTIZED) continue;
    GstQuantTensor* real =
        gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_DEQUANTIZED, tensor->id);
    ASSERT_TRUE(real);
    const Tensor integers = *from_gst(tensor);
    const Tensor values = *from_gst(real);
    for (std::size_t i = 0; i < values.data<float>().size(); ++i) {
      ASSERT_EQ(values.data<float>()[i],
                (static_cast<float>(integers.data<std::uint8_t>()[i]) - tensor->zero_point[0]) *
                    tensor->scale[0]);
    }
    ++dequantized;
  }
  EXPECT_GT(dequantized, 0);
}

void expect_same_frame(GstBuffer* buffer, GstBuffer* original) {
  EXPECT_EQ(GST_BUFFER_PTS(buffer), GST_BUFFER_PTS(original));
  EXPECT_EQ(GST_BUFFER_DTS(buffer), GST_BUFFER_DTS(original));
  EXPECT_EQ(GST_BUFFER_DURATION(buffer), GST_BUFFER_DURATION(original));
  EXPECT_EQ(GST_BUFFER_OFFSET(buffer), GST_BUFFER_OFFSET(original));
  EXPECT_EQ(GST_BUFFER_OFFSET_END(buffer), GST_BUFFER_OFFSET_END(original));
  // Says how the memory was come by, not what is in it.
  const auto memory = static_cast<guint>(GST_BUFFER_FLAG_TAG_MEMORY);
  EXPECT_EQ(GST_BUFFER_FLAGS(buffer) & ~memory, GST_BUFFER_FLAGS(original) & ~memory);
  GstMapInfo map;
  ASSERT_TRUE(gst_buffer_map(original, &map, GST_MAP_READ));
  ASSERT_EQ(gst_buffer_get_size(buffer), map.size);
  EXPECT_EQ(gst_buffer_memcmp(buffer, 0, map.data, map.size), 0);
  gst_buffer_unmap(original, &map);
}

// Also where somebody else holds the frames (tee), so that they are not writable.
TEST(Elements, VideoTimestampsAndFlagsPassUntouched) {
  for (const char* const format : {"RGB", "I420"}) {
    Pipeline pipeline("videotestsrc num-buffers=5 pattern=ball ! " + caps(format, 48, 40) +
                      " ! tee name=t ! queue ! quantnormalize ! quantinfer model=" + tiny_model() +
                      " ! quantdequantize ! quanttee ! fakesink name=after "
                      "t. ! queue ! fakesink name=before");
    pipeline.keep_buffers("after", "sink");
    ASSERT_TRUE(pipeline.run()) << pipeline.error();
    const auto after = pipeline.buffers();
    Pipeline plain("videotestsrc num-buffers=5 pattern=ball ! " + caps(format, 48, 40) +
                   " ! fakesink name=sink");
    plain.keep_buffers("sink", "sink");
    ASSERT_TRUE(plain.run());
    const auto before = plain.buffers();
    ASSERT_EQ(after.size(), before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      SCOPED_TRACE(std::string(format) + " frame " + std::to_string(i));
      expect_same_frame(after[i], before[i]);
    }
  }
}

TEST(Elements, FormatAndSizeMayChangeMidStream) {
  Pipeline pipeline("videotestsrc num-buffers=30 ! capsfilter name=caps caps=" +
                    caps("RGB", 32, 24) + " ! quantnormalize ! quantinfer model=" + tiny_model() +
                    " ! quantdequantize ! quanttee name=t ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  GstPad* pad = gst_element_get_static_pad(pipeline.element("caps"), "src");
  struct Change {
    GstElement* filter;
    int frames = 0;
  } change{pipeline.element("caps")};
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer data) {
        auto& changed = *static_cast<Change*>(data);
        const std::string next = ++changed.frames == 10 ? caps("I420", 64, 48)
                                 : changed.frames == 20 ? caps("GRAY8", 17, 31)
                                                        : "";
        if (next.empty()) return GST_PAD_PROBE_OK;
        GstCaps* wanted = gst_caps_from_string(next.c_str());
        g_object_set(changed.filter, "caps", wanted, nullptr);
        gst_caps_unref(wanted);
        return GST_PAD_PROBE_OK;
      },
      &change, nullptr);
  gst_object_unref(pad);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.buffers().size(), 30U);
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 30U);
  for (GstBuffer* buffer : pipeline.buffers()) {
    EXPECT_EQ(gst_quant_tensor_get_size(
                  gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0)),
              gsize{32} * 24 * 3);
  }
}

TEST(Elements, LatencyOfInferenceIsPartOfThePipelines) {
  Pipeline pipeline("videotestsrc is-live=true num-buffers=5 ! " + caps("RGB", 32, 24) +
                    " ! quantnormalize ! quantinfer name=infer model=" + tiny_model() +
                    " ! fakesink name=sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const GstPointer<GstQuery> before(gst_query_new_latency());
  const GstPointer<GstQuery> after(gst_query_new_latency());
  GstPad* sink = gst_element_get_static_pad(pipeline.element("infer"), "sink");
  GstPad* src = gst_element_get_static_pad(pipeline.element("infer"), "src");
  ASSERT_TRUE(gst_pad_peer_query(sink, before.get()));
  ASSERT_TRUE(gst_pad_query(src, after.get()));
  gst_object_unref(sink);
  gst_object_unref(src);
  gboolean live = FALSE;
  GstClockTime without = 0;
  GstClockTime with = 0;
  gst_query_parse_latency(before.get(), &live, &without, nullptr);
  gst_query_parse_latency(after.get(), &live, &with, nullptr);
  EXPECT_TRUE(live);
  EXPECT_GT(with, without);
}

struct Refusal {
  std::string name;
  std::function<std::string()> line;  // called in the test: it makes models
  std::string says;                   // part of the message
};

class BadInput : public ::testing::TestWithParam<Refusal> {};

TEST_P(BadInput, IsOneClearErrorOnTheBus) {
  Pipeline pipeline(GetParam().line());
  EXPECT_FALSE(pipeline.run());
  EXPECT_NE(pipeline.error().find(GetParam().says), std::string::npos) << pipeline.error();
}

const std::string kSource =
    "videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=32,height=24 ! ";

std::string with_file(const std::string& content) {
  return kSource + "quantnormalize ! quantinfer model=" + scratch_file("bad.qar", content) +
         " ! fakesink";
}

const std::vector<Refusal> kRefusals{
    {"missing_model", [] { return kSource + "quantnormalize model=/no/such.qar ! fakesink"; },
     "/no/such.qar"},
    {"foreign_model", [] { return with_file("this is no archive"); }, "bad.qar"},
    {"empty_model", [] { return with_file(""); }, "bad.qar"},
    {"folder_as_model", [] { return kSource + "quantnormalize model=/usr ! fakesink"; }, "/usr"},
    {"missing_model_of_a_neighbour",
     [] { return kSource + "quantdequantize ! quantinfer model=/no/such.qar ! fakesink"; },
     "/no/such.qar"},
    {"no_normalizer", [] { return kSource + "quantinfer model=" + tiny_model() + " ! fakesink"; },
     "quantnormalize"},
    {"no_inference",
     [] {
       return kSource + "quantnormalize model=" + tiny_model() + " ! quantdequantize ! fakesink";
     },
     "quantized tensor"},
    {"no_dequantizer",
     [] {
       return kSource + "quantnormalize ! quantinfer model=" + tiny_model() +
              " ! quanttee ! fakesink";
     },
     "dequantized tensor"},
    {"another_models_tensor",
     [] {
       return kSource + "quantnormalize model=" + tiny_model({16, 16, ColorOrder::kGray}) +
              " ! quantinfer model=" + tiny_model() + " ! fakesink";
     },
     "different models"},
    {"frames_of_more_bytes_than_can_be_counted",
     [] {
       return "fakesrc num-buffers=2 ! video/x-raw,format=RGB,width=320000,height=240000,"
              "framerate=1/1 ! quantnormalize model=" +
              tiny_model() + " ! fakesink";
     },
     "cannot be read"},
    {"buffers_that_are_no_whole_frame",
     [] {
       return "fakesrc num-buffers=2 sizetype=fixed sizemax=10 ! video/x-raw,format=RGB,width=32,"
              "height=24,framerate=1/1 ! quantnormalize model=" +
              tiny_model() + " ! fakesink";
     },
     "10 bytes"},
    {"missing_hef", [] { return kSource + "quantdequantize hef-location=/no/such.hef ! fakesink"; },
     "/no/such.hef"},
    {"nothing_to_dequantize", [] { return kSource + "quantdequantize ! fakesink"; }, "quantinfer"},
};

INSTANTIATE_TEST_SUITE_P(Elements, BadInput, ::testing::ValuesIn(kRefusals),
                         [](const auto& parameter) { return parameter.param.name; });

TEST(Normalizer, DoesNotLinkToWhatIsNoVideo) {
  GstElement* bin = gst_bin_new(nullptr);
  GstElement* audio = gst_element_factory_make("audiotestsrc", nullptr);
  GstElement* normalize = gst_element_factory_make("quantnormalize", nullptr);
  gst_bin_add_many(GST_BIN(bin), audio, normalize, nullptr);
  EXPECT_FALSE(gst_element_link(audio, normalize));
  gst_object_unref(bin);
}

}  // namespace
}  // namespace quant::testing
