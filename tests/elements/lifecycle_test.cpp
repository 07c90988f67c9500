// SPDX-License-Identifier: MIT
// Starting, stopping, flushing and taking apart, again and again; GStreamer's leaks tracer counts
// what stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

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

GstObject* find_leaks_tracer() {
  GstObject* found = nullptr;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* item = tracers; item; item = item->next) {
    if (g_strcmp0(G_OBJECT_TYPE_NAME(item->data), "GstLeaksTracer") == 0) {
      found = GST_OBJECT(gst_object_ref(item->data));
    }
  }
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

// Objects in one of a checkpoint's lists, as "type address".
std::multiset<std::string> objects_in(const GstStructure* checkpoint, const char* list) {
  std::multiset<std::string> objects;
  const GValue* value = gst_structure_get_value(checkpoint, list);
  for (guint i = 0; value && i < gst_value_list_get_size(value); ++i) {
    const GstStructure* object = gst_value_get_structure(gst_value_list_get_value(value, i));
    objects.insert(std::string(gst_structure_get_string(object, "type-name")) + " " +
                   gst_structure_get_string(object, "address"));
  }
  return objects;
}

class Leaks : public ::testing::Test {
 protected:
  void SetUp() override {
    tracer_ = find_leaks_tracer();
    if (!tracer_) GTEST_SKIP() << "needs GST_TRACERS=leaks, as ctest sets it";
  }
  void TearDown() override {
    if (tracer_) gst_object_unref(tracer_);
  }

  // Once to load plugins and register types, once to look at.
  template <typename Body>
  void expect_no_leak(Body body) {
    body();
    g_signal_emit_by_name(tracer_, "activity-start-tracking");
    body();
    std::multiset<std::string> left;
    take_checkpoint(left);
    // The thread of a task lets go of it a moment after its element has stopped.
    for (int tries = 0; tries < 200 && !left.empty(); ++tries) {
      g_usleep(10000);
      take_checkpoint(left);
    }
    EXPECT_THAT(left, ::testing::IsEmpty());
    g_signal_emit_by_name(tracer_, "activity-stop-tracking");
  }

  // Adds the objects made since the last checkpoint to those that are left, and takes off the ones
  // that have gone.
  void take_checkpoint(std::multiset<std::string>& left) {
    GstStructure* checkpoint = nullptr;
    g_signal_emit_by_name(tracer_, "activity-get-checkpoint", &checkpoint);
    ASSERT_TRUE(checkpoint);
    const auto made = objects_in(checkpoint, "objects-created-list");
    EXPECT_TRUE(!made.empty() || !left.empty()) << "the tracer saw nothing";
    left.insert(made.begin(), made.end());
    for (const std::string& removed : objects_in(checkpoint, "objects-removed-list")) {
      if (const auto found = left.find(removed); found != left.end()) left.erase(found);
    }
    gst_structure_free(checkpoint);
  }

 private:
  GstObject* tracer_ = nullptr;
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

std::string device_line(const std::string& source, const std::string& options) {
  return source +
         " ! video/x-raw,format=RGB,width=64,height=48 ! quantnormalize ! quantinfer timeout=100 "
         "backend=fake on-device-error=emulator model=" +
         tiny_model() + " device-model=\"" + options + "\" ! queue ! fakesink name=sink";
}

TEST_F(Leaks, ADeviceThatFailsNowAndThen) {
  for (const char* options :
       {"rate=0.1,seed=1,late-ms=150", "rate=0.3,seed=2,hang-ms=300", "faults=3:hang-stop"}) {
    expect_no_leak([&] {
      Pipeline pipeline(device_line("videotestsrc num-buffers=40", options));
      EXPECT_TRUE(pipeline.run()) << pipeline.error();
    });
  }
}

TEST_F(Leaks, ADeviceFromNullToPlayingAndBack) {
  expect_no_leak([] {
    Pipeline pipeline(device_line("videotestsrc", "layout=FCR,delay-us=500"));
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING)) << i;
      ASSERT_TRUE(pipeline.set_state(GST_STATE_NULL)) << i;
    }
    EXPECT_TRUE(pipeline.error().empty()) << pipeline.error();
  });
}

TEST_F(Leaks, ADeviceFlushedBySeeks) {
  expect_no_leak([] {
    Pipeline pipeline(device_line("videotestsrc num-buffers=300", "delay-us=500,faults=7:reorder"));
    ASSERT_TRUE(pipeline.set_state(GST_STATE_PAUSED));
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                          i * 100 * GST_MSECOND));
      if (i % 5 == 4) {
        ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
      }
    }
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
