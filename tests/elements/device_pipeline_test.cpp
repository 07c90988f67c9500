// SPDX-License-Identifier: MIT
// quantinfer on a device that misbehaves: who leaves, in which order, with what, and what the bus
// hears of it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <mutex>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "plugin/tensor_bridge.h"
#include "quant/backend/model.h"

namespace quant::testing {
namespace {

using Clock = std::chrono::steady_clock;

std::string infer(const std::string& device, const std::string& more = {}) {
  return "quantinfer name=infer timeout=200 backend=fake model=" + tiny_model() +
         " device-model=\"" + device + "\" " + more;
}

std::string line(const std::string& device, const std::string& more = {}, int frames = 12) {
  return "videotestsrc pattern=snow num-buffers=" + std::to_string(frames) +
         " ! video/x-raw,format=RGB,width=32,height=24,framerate=10/1 ! quantnormalize ! " +
         infer(device, more) + " ! fakesink name=sink";
}

GstStructure* stats_of(Pipeline& pipeline) {
  GstStructure* stats = nullptr;
  g_object_get(pipeline.element("infer"), "stats", &stats, nullptr);
  return stats;
}

guint64 count(Pipeline& pipeline, const char* field) {
  GstStructure* stats = stats_of(pipeline);
  guint64 value = ~guint64{0};
  gst_structure_get_uint64(stats, field, &value);
  gst_structure_free(stats);
  return value;
}

const char* source_of(GstBuffer* buffer) {
  GstQuantTensor* found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                                      g_quark_from_string("heat"));
  return found ? found->source : nullptr;
}

// Frames of the source by number, from their timestamps at ten a second.
std::vector<int> numbers(Pipeline& pipeline) {
  std::vector<int> result;
  for (GstBuffer* buffer : pipeline.buffers()) {
    result.push_back(static_cast<int>(GST_BUFFER_PTS(buffer) / (100 * GST_MSECOND)));
  }
  return result;
}

std::vector<int> range(int from, int to) {
  std::vector<int> result;
  for (int i = from; i < to; ++i) result.push_back(i);
  return result;
}

// Each frame's tensors are those of its own pixels, whoever computed them.
void expect_own_tensors(Pipeline& pipeline) {
  const auto model = *Model::open(tiny_model());
  auto emulator = *model->make_emulator(1);
  for (GstBuffer* buffer : pipeline.buffers()) {
    const auto input =
        element::from_gst(gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_INPUT, 0));
    std::vector<Tensor> expected;
    ASSERT_TRUE(emulator->run(std::span(&*input, 1), expected));
    GstQuantTensor* found = gst_buffer_get_quant_tensor(buffer, GST_QUANT_TENSOR_ROLE_QUANTIZED,
                                                        g_quark_from_string("heat"));
    ASSERT_TRUE(found);
    const Tensor got = found->layout == GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS
                           ? *element::from_gst(found)
                           : element::device_from_gst(found)->memory;
    // One channel, 32 columns: no padding inside.
    EXPECT_EQ(std::memcmp(expected[0].raw(), got.raw(), expected[0].bytes()), 0);
  }
}

TEST(DevicePipeline, FramesLeaveInOrderWithTheirOwnTensors) {
  Pipeline pipeline(line("faults=1:reorder+4:twice+7:reorder+9:lost+13:status-63", "", 30));
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(numbers(pipeline), range(0, 30));
  expect_own_tensors(pipeline);
  EXPECT_EQ(count(pipeline, "frames"), 30U);
  EXPECT_EQ(count(pipeline, "failed"), 0U);
  EXPECT_GE(count(pipeline, "reconfigured"), 1U);
}

TEST(DevicePipeline, FailEndsItWithOneErrorThatNamesAll) {
  Pipeline pipeline(line("faults=3:status-96"));
  pipeline.keep_buffers("sink", "sink");
  EXPECT_FALSE(pipeline.run());
  for (const char* part : {"fake:0", "disconnected", "96", "check its seat"}) {
    EXPECT_NE(pipeline.error().find(part), std::string::npos) << part << ": " << pipeline.error();
  }
  EXPECT_LE(pipeline.buffers().size(), 3U);
  expect_own_tensors(pipeline);
  EXPECT_GE(count(pipeline, "failed"), 1U);
}

TEST(DevicePipeline, TheEmulatorTakesOverFromTheFailedFrameOn) {
  for (const char* device : {"faults=5:status-96", "faults=5:hang,hang-ms=1000"}) {
    Pipeline pipeline(line(device, "on-device-error=emulator", 20));
    pipeline.keep_buffers("sink", "sink");
    ASSERT_TRUE(pipeline.run()) << pipeline.error();
    EXPECT_EQ(numbers(pipeline), range(0, 20));
    expect_own_tensors(pipeline);
    EXPECT_EQ(pipeline.warnings(), 1) << pipeline.warning();
    EXPECT_NE(pipeline.warning().find("emulator"), std::string::npos) << pipeline.warning();
    EXPECT_STREQ(source_of(pipeline.buffers().back()), "emulator");
    bool emulated = false;
    for (GstBuffer* buffer : pipeline.buffers()) {
      const bool now = std::strcmp(source_of(buffer), "emulator") == 0;
      EXPECT_TRUE(now || !emulated) << "the device came back";
      emulated = now;
    }
    EXPECT_GE(count(pipeline, "emulated"), 15U);
  }
}

TEST(DevicePipeline, DropLeavesTheFrameOutAndMarksTheNext) {
  Pipeline pipeline(
      line("queue=1,faults=3:status-8+4:status-8+5:status-8", "on-device-error=drop", 10));
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(numbers(pipeline), (std::vector<int>{0, 1, 2, 4, 5, 6, 7, 8, 9}));
  expect_own_tensors(pipeline);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(pipeline.buffers()[3], GST_BUFFER_FLAG_DISCONT));
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(pipeline.buffers()[4], GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(pipeline.warnings(), 1);
  EXPECT_EQ(count(pipeline, "dropped"), 1U);
}

TEST(DevicePipeline, DropDoesNotHideADeviceThatIsLost) {
  Pipeline pipeline(line("faults=3:status-73", "on-device-error=drop"));
  EXPECT_FALSE(pipeline.run());
  EXPECT_NE(pipeline.error().find("busy"), std::string::npos) << pipeline.error();
}

TEST(DevicePipeline, ADeviceThatDoesNotOpenStopsTheStateChange) {
  Pipeline pipeline(line("faults=0:open-76"));
  EXPECT_FALSE(pipeline.set_state(GST_STATE_PAUSED));
  EXPECT_FALSE(pipeline.wait());
  EXPECT_NE(pipeline.error().find("76"), std::string::npos) << pipeline.error();
}

// Looked at once a second.
TEST(DevicePipeline, HotIsOneWarningWithTheFigures) {
  Pipeline pipeline(line("queue=1,hot=0:1000,delay-us=60000", "", 40));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.warnings(), 1);
  EXPECT_NE(pipeline.warning().find("112 °C, clock 200 MHz"), std::string::npos)
      << pipeline.warning();
  GstStructure* stats = stats_of(pipeline);
  gdouble temperature = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "temperature-c", &temperature));
  EXPECT_STREQ(gst_structure_get_string(stats, "backend"), "fake");
  EXPECT_STREQ(gst_structure_get_string(stats, "device"), "fake:0");
  gst_structure_free(stats);
}

TEST(DevicePipeline, CapsAndFramesKeepTheirOrder) {
  Pipeline pipeline("concat name=c ! quantnormalize ! " + infer("delay-us=3000") +
                    " ! fakesink name=sink "
                    "videotestsrc num-buffers=5 ! video/x-raw,format=RGB,width=64,height=48 ! c. "
                    "videotestsrc num-buffers=5 ! video/x-raw,format=RGB,width=32,height=24 ! c.");
  struct Seen {
    std::mutex mutex;
    std::string order;
  } seen;
  GstPad* pad = gst_element_get_static_pad(pipeline.element("sink"), "sink");
  gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        auto& own = *static_cast<Seen*>(data);
        const std::lock_guard lock(own.mutex);
        if (GST_IS_BUFFER(info->data)) own.order += 'b';
        if (GST_IS_EVENT(info->data)) {
          const GstEventType type = GST_EVENT_TYPE(GST_EVENT_CAST(info->data));
          if (type == GST_EVENT_CAPS) own.order += 'C';
          if (type == GST_EVENT_EOS) own.order += 'E';
        }
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  gst_object_unref(pad);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(seen.order, "CbbbbbCbbbbbE");
}

// A frame that waited for the next one would be a quarter of a second late.
TEST(DevicePipeline, ALiveFrameDoesNotWaitForTheNext) {
  Pipeline pipeline(
      "videotestsrc is-live=true num-buffers=4 ! "
      "video/x-raw,format=RGB,width=32,height=24,framerate=4/1 ! quantnormalize ! " +
      infer("delay-us=5000") + " ! fakesink name=sink");
  struct Times {
    std::mutex mutex;
    Clock::time_point entered;
    std::vector<double> waited_ms;
  } times;
  GstPad* sink = gst_element_get_static_pad(pipeline.element("infer"), "sink");
  gst_pad_add_probe(
      sink, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer data) {
        auto& own = *static_cast<Times*>(data);
        const std::lock_guard lock(own.mutex);
        own.entered = Clock::now();
        return GST_PAD_PROBE_OK;
      },
      &times, nullptr);
  gst_object_unref(sink);
  GstPad* source = gst_element_get_static_pad(pipeline.element("infer"), "src");
  gst_pad_add_probe(
      source, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer data) {
        auto& own = *static_cast<Times*>(data);
        const std::lock_guard lock(own.mutex);
        const std::chrono::duration<double, std::milli> waited = Clock::now() - own.entered;
        own.waited_ms.push_back(waited.count());
        return GST_PAD_PROBE_OK;
      },
      &times, nullptr);
  gst_object_unref(source);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  ASSERT_EQ(times.waited_ms.size(), 4U);
  for (const double waited : times.waited_ms) EXPECT_LT(waited, 150);
}

TEST(DevicePipeline, LatencyIsWhatAFrameTakes) {
  Pipeline pipeline(
      "videotestsrc is-live=true num-buffers=8 ! "
      "video/x-raw,format=RGB,width=32,height=24,framerate=20/1 ! quantnormalize ! " +
      infer("delay-us=30000") + " ! fakesink name=sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  GstQuery* query = gst_query_new_latency();
  ASSERT_TRUE(gst_element_query(pipeline.element("infer"), query));
  GstClockTime least = 0;
  gst_query_parse_latency(query, nullptr, &least, nullptr);
  gst_query_unref(query);
  EXPECT_GE(least, 30 * GST_MSECOND);
}

TEST(DevicePipeline, AsksUpstreamForAsManyBuffersAsItHolds) {
  Pipeline pipeline(line("queue=5"));
  GstPad* pad = gst_element_get_static_pad(pipeline.element("infer"), "sink");
  guint least = 0;
  // Called before and after the answer.
  gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH |
                                   GST_PAD_PROBE_TYPE_PULL),
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
        if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION &&
            gst_query_get_n_allocation_pools(query) > 0) {
          gst_query_parse_nth_allocation_pool(query, 0, nullptr, nullptr, static_cast<guint*>(data),
                                              nullptr);
        }
        return GST_PAD_PROBE_OK;
      },
      &least, nullptr);
  gst_object_unref(pad);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_GE(least, 5U);
}

TEST(DevicePipeline, StopsInTimeWhateverTheDeviceDoes) {
  for (const char* device : {"faults=1:hang-stop", "faults=3:lost+0:hang-stop",
                             "faults=2:hang,hang-ms=1500", "faults=3:late,late-ms=1000"}) {
    Pipeline pipeline(line(device, "", 1000));
    ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
    g_usleep(30000);
    const auto begin = Clock::now();
    ASSERT_TRUE(pipeline.set_state(GST_STATE_NULL));
    EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(1200)) << device;
  }
}

TEST(DevicePipeline, TwoModelsShareOneDevice) {
  TinyModelOptions other;
  other.width = 16;
  other.height = 16;
  const auto both = [&](const std::string& group) {
    return "videotestsrc num-buffers=6 ! video/x-raw,format=I420,width=40,height=30 ! tee name=t "
           "t. ! queue ! quantnormalize ! " +
           infer("layout=FCR") +
           " ! fakesink name=sink t. ! queue ! quantnormalize ! "
           "quantinfer backend=fake model=" +
           tiny_model(other) + " " + group + " ! fakesink";
  };
  Pipeline shared(both(""));
  EXPECT_TRUE(shared.run()) << shared.error();
  ASSERT_TRUE(shared.set_state(GST_STATE_NULL));
  Pipeline apart(both("device-group=another"));
  EXPECT_FALSE(apart.run());
  EXPECT_NE(apart.error().find("in use by the group"), std::string::npos) << apart.error();
  // Another group's device is another's business only where it is the same one.
  Pipeline two(both("device-group=another device-id=fake:1"));
  EXPECT_TRUE(two.run()) << two.error();
}

TEST(DeviceChoice, AutoWithoutACompiledNetworkIsTheEmulator) {
  Pipeline pipeline("videotestsrc num-buffers=2 ! quantnormalize ! quantinfer name=infer model=" +
                    tiny_model() + " ! fakesink name=sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.warnings(), 0) << pipeline.warning();
  GstStructure* stats = stats_of(pipeline);
  EXPECT_STREQ(gst_structure_get_string(stats, "backend"), "emulator");
  EXPECT_NE(std::string(gst_structure_get_string(stats, "reason")).find("device-model"),
            std::string::npos);
  gst_structure_free(stats);
  EXPECT_EQ(count(pipeline, "frames"), 2U);
  ASSERT_TRUE(pipeline.set_state(GST_STATE_NULL));
  EXPECT_EQ(count(pipeline, "frames"), 2U);
}

TEST(DeviceChoice, AutoWithoutADriverIsTheEmulatorWithAWarning) {
  Pipeline pipeline("videotestsrc num-buffers=2 ! quantnormalize ! quantinfer model=" +
                    tiny_model() + " device-model=absent.hef ! fakesink name=sink");
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(pipeline.warnings(), 1);
  EXPECT_NE(pipeline.warning().find("emulator"), std::string::npos) << pipeline.warning();
  EXPECT_STREQ(source_of(pipeline.buffers()[0]), "emulator");
}

TEST(DeviceChoice, ADeviceByNameNeedsACompiledNetwork) {
  Pipeline pipeline("videotestsrc ! quantnormalize ! quantinfer backend=hailort model=" +
                    tiny_model() + " ! fakesink");
  EXPECT_FALSE(pipeline.run());
  EXPECT_EQ(pipeline.error_code(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_NE(pipeline.error().find("device-model"), std::string::npos) << pipeline.error();
}

TEST(DeviceChoice, FakeRefusesOptionsThatItDoesNotHave) {
  Pipeline pipeline(line("speed=11"));
  EXPECT_FALSE(pipeline.run());
  EXPECT_NE(pipeline.error().find("speed=11"), std::string::npos) << pipeline.error();
}

}  // namespace
}  // namespace quant::testing
