// SPDX-License-Identifier: MIT
// Starting, stopping, flushing and taking apart, again and again; GStreamer's leaks tracer counts
// what stays.
#include <gtest/gtest.h>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"

namespace quant::testing {
namespace {

std::string line(const std::string& source) {
  return source +
         " ! video/x-raw,format=I420,width=64,height=48 ! quantnormalize ! "
         "quantinfer model=" +
         tiny_model() +
         " ! quantdequantize ! quanttee name=t attach-reference=true ! queue ! videoconvert ! "
         "fakesink name=sink  t.snr_0 ! fakesink";
}

// Objects that the leaks tracer follows and that live now.
guint live_objects() {
  guint count = 0;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* item = tracers; item; item = item->next) {
    if (g_strcmp0(G_OBJECT_TYPE_NAME(item->data), "GstLeaksTracer") != 0) continue;
    GstStructure* live = nullptr;
    g_signal_emit_by_name(item->data, "get-live-objects", &live);
    if (!live) continue;
    count += gst_value_list_get_size(gst_structure_get_value(live, "live-objects-list"));
    gst_structure_free(live);
  }
  g_list_free_full(tracers, gst_object_unref);
  return count;
}

bool leaks_tracer_runs() {
  bool found = false;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* item = tracers; item; item = item->next) {
    found |= g_strcmp0(G_OBJECT_TYPE_NAME(item->data), "GstLeaksTracer") == 0;
  }
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

class Leaks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!leaks_tracer_runs()) GTEST_SKIP() << "needs GST_TRACERS=leaks, as ctest sets it";
  }

  // Once to load plugins and register types, once to count.
  template <typename Body>
  void expect_no_leak(Body body) {
    body();
    const guint before = live_objects();
    body();
    EXPECT_EQ(live_objects(), before);
  }
};

TEST_F(Leaks, PlayedToTheEnd) {
  expect_no_leak([] {
    Pipeline pipeline(line("videotestsrc num-buffers=20"));
    EXPECT_TRUE(pipeline.run()) << pipeline.error();
  });
}

TEST_F(Leaks, HundredCyclesFromNullToPlaying) {
  expect_no_leak([] {
    Pipeline pipeline(line("videotestsrc"));
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING)) << i;
      ASSERT_TRUE(pipeline.set_state(GST_STATE_NULL)) << i;
    }
    EXPECT_TRUE(pipeline.error().empty()) << pipeline.error();
  });
}

TEST_F(Leaks, StoppedMidStreamBehindALiveSource) {
  expect_no_leak([] {
    for (int i = 0; i < 5; ++i) {
      Pipeline pipeline(line("videotestsrc is-live=true"));
      ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
      ASSERT_TRUE(pipeline.wait_for("quant-snr")) << pipeline.error();
    }
  });
}

TEST_F(Leaks, FlushedBySeeks) {
  expect_no_leak([] {
    Pipeline pipeline(line("videotestsrc num-buffers=300"));
    ASSERT_TRUE(pipeline.set_state(GST_STATE_PAUSED));
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                          i * 100 * GST_MSECOND));
    }
    ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
  });
}

TEST_F(Leaks, AnErrorInTheMiddle) {
  const std::string bad = scratch_file("bad.qar", "no archive");
  expect_no_leak([&] {
    Pipeline pipeline("videotestsrc ! quantnormalize ! quantinfer model=" + bad + " ! fakesink");
    EXPECT_FALSE(pipeline.run());
  });
}

TEST_F(Leaks, ElementsThatNeverPlay) {
  expect_no_leak([] {
    for (const char* name : {"quantnormalize", "quantinfer", "quantdequantize", "quanttee"}) {
      GstElement* element = gst_element_factory_make(name, nullptr);
      ASSERT_TRUE(element) << name;
      gst_element_set_state(element, GST_STATE_PAUSED);
      gst_element_set_state(element, GST_STATE_NULL);
      gst_object_unref(element);
    }
  });
}

}  // namespace
}  // namespace quant::testing
