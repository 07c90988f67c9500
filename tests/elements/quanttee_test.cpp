// SPDX-License-Identifier: MIT
// quanttee: records, figures, alerts and counts, in file pipelines and behind live sources.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"

namespace quant::testing {
namespace {

std::string line(const std::string& source, const std::string& tee, const std::string& rest = {}) {
  return source +
         " ! video/x-raw,format=RGB,width=32,height=24,framerate=30/1 ! quantnormalize ! "
         "quantinfer model=" +
         tiny_model() + " ! quantdequantize ! quanttee name=t " + tee + " ! fakesink name=sink " +
         rest;
}

std::string clip(int frames) {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames);
}

std::vector<nlohmann::json> read_records(const std::string& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> records;
  for (std::string text; std::getline(file, text);) records.push_back(nlohmann::json::parse(text));
  return records;
}

guint64 stat(Pipeline& pipeline, const char* name) {
  GstStructure* stats = nullptr;
  g_object_get(pipeline.element("t"), "stats", &stats, nullptr);
  guint64 value = G_MAXUINT64;
  if (stats) {
    gst_structure_get_uint64(stats, name, &value);
    gst_structure_free(stats);
  }
  return value;
}

// No queue anywhere: neither sink may wait for the other to see its first buffer.
TEST(QuantTee, AFilePipelineGivesOneRecordAFrame) {
  const std::string path = scratch_folder() + "/all.ndjson";
  Pipeline pipeline(line(clip(100), "", "t.snr_0 ! filesink location=" + path));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(stat(pipeline, "frames"), 100U);
  EXPECT_EQ(stat(pipeline, "measured"), 100U);
  EXPECT_EQ(stat(pipeline, "skipped"), 0U);
  EXPECT_EQ(stat(pipeline, "failed"), 0U);
  EXPECT_EQ(stat(pipeline, "records-lost"), 0U);
  const auto messages = pipeline.messages("quant-snr");
  const auto records = read_records(path);
  ASSERT_EQ(records.size(), 100U);
  ASSERT_EQ(messages.size(), 100U);
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i]["frame"], i);
    EXPECT_EQ(records[i]["pts"], gst_util_uint64_scale(i, GST_SECOND, 30));
    EXPECT_TRUE(records[i]["stream"].is_string());
    ASSERT_EQ(records[i]["outputs"].size(), 2U);
    EXPECT_EQ(records[i]["outputs"][0]["name"], "heat");
    EXPECT_EQ(records[i]["outputs"][0]["window"]["frames"], std::min<std::size_t>(i + 1, 30));
    guint64 frame = 0;
    EXPECT_TRUE(gst_structure_get_uint64(messages[i], "frame", &frame));
    EXPECT_EQ(frame, i);
  }
}

TEST(QuantTee, StatsOutliveTheRun) {
  Pipeline pipeline(line(clip(4), ""));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  pipeline.set_state(GST_STATE_NULL);
  EXPECT_EQ(stat(pipeline, "measured"), 4U);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(stat(pipeline, "measured"), 4U);
}

TEST(QuantTee, MeasuresOneFrameOutOfSoMany) {
  const std::string path = scratch_folder() + "/every.ndjson";
  Pipeline pipeline(line(clip(10), "every=4", "t.snr_0 ! filesink location=" + path));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto records = read_records(path);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1]["frame"], 4);
  EXPECT_EQ(stat(pipeline, "skipped"), 7U);
}

TEST(QuantTee, MessagesCanBeSwitchedOff) {
  Pipeline pipeline(line(clip(3), "post-messages=false"));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_TRUE(pipeline.messages("quant-snr").empty());
}

TEST(QuantTee, WindowsPoolEnergies) {
  const std::string path = scratch_folder() + "/window.ndjson";
  Pipeline pipeline(line(clip(6), "window=2", "t.snr_0 ! filesink location=" + path));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto records = read_records(path);
  for (std::size_t i = 1; i < records.size(); ++i) {
    const auto& now = records[i]["outputs"][0];
    const auto& before = records[i - 1]["outputs"][0];
    const double signal = now["signal"].get<double>() + before["signal"].get<double>();
    const double noise = now["noise"].get<double>() + before["noise"].get<double>();
    EXPECT_EQ(now["window"]["frames"], 2);
    EXPECT_NEAR(now["window"]["snr_db"].get<double>(), 10 * std::log10(signal / noise), 1e-9);
  }
}

TEST(QuantTee, AlertsAreRaised) {
  Pipeline pipeline(line(clip(5), "alert-below-db=900 alert-hysteresis-db=3"));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto alerts = pipeline.messages("quant-alert");
  ASSERT_EQ(alerts.size(), 2U);  // one per output, not one per frame
  EXPECT_STREQ(gst_structure_get_string(alerts[0], "state"), "raised");
  EXPECT_STREQ(gst_structure_get_string(alerts[0], "output"), "heat");
  double value = 0;
  EXPECT_TRUE(gst_structure_get_double(alerts[0], "snr-db", &value));
  EXPECT_LT(value, 900);
  EXPECT_TRUE(gst_structure_get_double(alerts[0], "below-db", &value));
  EXPECT_EQ(value, 900);
  guint64 frame = 1;
  EXPECT_TRUE(gst_structure_get_uint64(alerts[0], "frame", &frame));
  EXPECT_EQ(frame, 0U);
}

TEST(QuantTee, TwoRecordPadsCarryTheSame) {
  const std::string folder = scratch_folder();
  Pipeline pipeline(line(clip(20), "",
                         "t.snr_0 ! filesink location=" + folder +
                             "/one.ndjson t.snr_1 ! queue ! "
                             "filesink location=" +
                             folder + "/two.ndjson"));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto one = read_records(folder + "/one.ndjson");
  EXPECT_EQ(one.size(), 20U);
  EXPECT_EQ(one, read_records(folder + "/two.ndjson"));
}

TEST(QuantTee, RecordPadsAnnounceTheirStream) {
  Pipeline pipeline(line(clip(2), "", "t.snr_7 ! fakesink name=records"));
  GstPad* pad = gst_element_get_static_pad(pipeline.element("records"), "sink");
  std::vector<std::string> seen;
  gst_pad_add_probe(
      pad,
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad*, GstPadProbeInfo* info, gpointer list) {
        const bool buffer = (info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0;
        static_cast<std::vector<std::string>*>(list)->emplace_back(
            buffer ? "buffer" : GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info)));
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  GstCaps* caps = gst_pad_get_current_caps(pad);
  ASSERT_TRUE(caps);
  EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(caps, 0), "application/x-ndjson"));
  gst_caps_unref(caps);
  gst_object_unref(pad);
  EXPECT_EQ(seen, (std::vector<std::string>{"stream-start", "caps", "segment", "buffer", "buffer",
                                            "eos"}));
}

TEST(QuantTee, AnUnlinkedRecordPadHarmsNobody) {
  Pipeline pipeline(line(clip(50), ""));
  GstPad* pad = gst_element_request_pad_simple(pipeline.element("t"), "snr_%u");
  ASSERT_TRUE(pad);
  EXPECT_STREQ(GST_PAD_NAME(pad), "snr_0");
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(stat(pipeline, "measured"), 50U);
  gst_element_release_request_pad(pipeline.element("t"), pad);
  gst_object_unref(pad);
}

TEST(QuantTee, ARecordPadMayComeAndGoMidStream) {
  Pipeline pipeline(line("videotestsrc", ""));
  ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(pipeline.wait_for("quant-snr"));
    GstElement* sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "async", FALSE, "signal-handoffs", TRUE, nullptr);
    std::atomic<int> records = 0;
    g_signal_connect(sink, "handoff",
                     G_CALLBACK(+[](GstElement*, GstBuffer*, GstPad*, gpointer count) {
                       ++*static_cast<std::atomic<int>*>(count);
                     }),
                     &records);
    gst_bin_add(GST_BIN(pipeline.get()), sink);
    gst_element_sync_state_with_parent(sink);
    GstPad* record_pad = gst_element_request_pad_simple(pipeline.element("t"), "snr_%u");
    GstPad* sink_pad = gst_element_get_static_pad(sink, "sink");
    ASSERT_EQ(gst_pad_link(record_pad, sink_pad), GST_PAD_LINK_OK);
    for (int tries = 0; tries < 3000 && records < 5; ++tries) g_usleep(10000);
    EXPECT_GE(records, 5);
    // The sink is there still when the pad goes, as in any pipeline that is taken apart in a hurry.
    gst_pad_unlink(record_pad, sink_pad);
    gst_element_release_request_pad(pipeline.element("t"), record_pad);
    gst_object_unref(record_pad);
    gst_object_unref(sink_pad);
    gst_element_set_state(sink, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline.get()), sink);
  }
  EXPECT_TRUE(pipeline.error().empty()) << pipeline.error();
}

TEST(QuantTee, AReaderThatFailsIsNotTheVideosConcern) {
  Pipeline pipeline(line("videotestsrc", "", "t.snr_0 ! identity eos-after=3 ! fakesink"));
  ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(pipeline.wait_for("quant-snr")) << pipeline.error();
}

TEST(QuantTee, SeekingStartsTheRecordsAgain) {
  Pipeline pipeline(line("videotestsrc num-buffers=40", "", "t.snr_0 ! fakesink name=records"));
  pipeline.keep_buffers("records", "sink");
  ASSERT_TRUE(pipeline.set_state(GST_STATE_PAUSED));
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(gst_element_seek_simple(
        pipeline.get(), GST_FORMAT_TIME,
        static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), GST_SECOND / 2));
    gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
  }
  ASSERT_TRUE(pipeline.set_state(GST_STATE_PLAYING));
  g_usleep(20000);
  ASSERT_TRUE(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
  EXPECT_TRUE(pipeline.wait()) << pipeline.error();
  ASSERT_FALSE(pipeline.buffers().empty());
  EXPECT_EQ(stat(pipeline, "failed"), 0U);
}

TEST(QuantTee, BehindALiveSourceVideoGoesOnAndLoadIsBounded) {
  Pipeline pipeline(line("videotestsrc is-live=true num-buffers=45", "max-load=1"));
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(stat(pipeline, "frames"), 45U);
  EXPECT_EQ(pipeline.buffers().size(), 45U);
  EXPECT_GE(stat(pipeline, "measured"), 1U);
  EXPECT_EQ(stat(pipeline, "measured") + stat(pipeline, "skipped"), 45U);
  EXPECT_EQ(stat(pipeline, "failed"), 0U);
}

TEST(QuantTee, BehindALiveSourceTheLatestFiguresRideOnALaterFrame) {
  const std::string path = scratch_folder() + "/live.ndjson";
  Pipeline pipeline(line("videotestsrc is-live=true num-buffers=30", "max-load=0",
                         "t.snr_0 ! filesink location=" + path));
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto records = read_records(path);
  EXPECT_EQ(records.size(), stat(pipeline, "measured"));
  EXPECT_EQ(records.size(), pipeline.messages("quant-snr").size());
  ASSERT_FALSE(records.empty());
  int carried = 0;
  for (GstBuffer* buffer : pipeline.buffers()) {
    const GstQuantSnrRecord* record = gst_buffer_get_quant_snr_record(buffer);
    if (!record) continue;
    ++carried;
    EXPECT_LT(record->pts, GST_BUFFER_PTS(buffer));
  }
  EXPECT_GT(carried, 0);
}

// The reference is not set up when the frame passes, so the error comes from its thread.
TEST(QuantTee, AReferenceThatDoesNotExistIsAnError) {
  for (const char* source :
       {"videotestsrc num-buffers=50", "videotestsrc is-live=true num-buffers=50"}) {
    Pipeline pipeline(line(source, "reference=onnxruntime"));
    if (pipeline.run()) GTEST_SKIP() << "this build has ONNX Runtime";
    EXPECT_NE(pipeline.error().find("ONNX Runtime"), std::string::npos) << pipeline.error();
  }
}

TEST(QuantTee, RecordsSayWhetherTheReferenceIsIndependent) {
  const std::string path = scratch_folder() + "/native.ndjson";
  Pipeline pipeline(line(clip(1), "reference=native", "t.snr_0 ! filesink location=" + path));
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  const auto records = read_records(path);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["context"], "original");
  EXPECT_EQ(records[0]["reference"], "native");
  EXPECT_EQ(records[0]["independent"], false);
}

// The emulator beside itself is exact: what is left against the original is the quantization.
TEST(QuantTee, MeasuresSeveralRungsOnTheSameFrame) {
  const std::string path = scratch_folder() + "/rungs.ndjson";
  const std::string alone = scratch_folder() + "/alone.ndjson";
  Pipeline pipeline(line(clip(5), "references=original,emulator,fp-optimized alert-below-db=900",
                         "t.snr_0 ! filesink location=" + path));
  pipeline.keep_buffers("sink", "sink");
  ASSERT_TRUE(pipeline.run()) << pipeline.error();
  Pipeline single(line(clip(5), "", "t.snr_0 ! filesink location=" + alone));
  ASSERT_TRUE(single.run()) << single.error();

  auto records = read_records(path);
  auto original = read_records(alone);
  ASSERT_EQ(records.size(), 15U);
  // Each pipeline makes up its own.
  for (auto* list : {&records, &original}) {
    for (auto& record : *list) record.erase("stream");
  }
  EXPECT_EQ(pipeline.messages("quant-snr").size(), 15U);
  EXPECT_EQ(stat(pipeline, "measured"), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(records[3 * i], original[i]);
    const auto& emulator = records[3 * i + 1];
    EXPECT_EQ(emulator["context"], "quantized");
    EXPECT_EQ(emulator["reference"], "emulator");
    EXPECT_EQ(emulator["independent"], false);
    for (const auto& output : emulator["outputs"]) EXPECT_EQ(output["state"], "exact");
    EXPECT_EQ(records[3 * i + 2]["context"], "fp-optimized");
    EXPECT_NEAR(records[3 * i + 2]["outputs"][0]["snr_db"].get<double>(),
                records[3 * i]["outputs"][0]["snr_db"].get<double>(), 0.5);
  }
  // One alert an output: they are about the main reference.
  EXPECT_EQ(pipeline.messages("quant-alert").size(), 2U);
  for (GstBuffer* buffer : pipeline.buffers()) {
    EXPECT_STREQ(gst_buffer_get_quant_snr_record(buffer)->context, "original");
    int figures = 0;
    gpointer walk = nullptr;
    while (gst_buffer_iterate_quant_snr_record(buffer, &walk)) ++figures;
    EXPECT_EQ(figures, 3);
  }
}

TEST(QuantTee, AListThatNamesNoReferenceIsAnError) {
  for (const char* list : {"original,float", "emulator,quantized", "original,", "", "hybrid"}) {
    Pipeline pipeline(line(clip(1), std::string("references=\"") + list + "\""));
    EXPECT_FALSE(pipeline.run()) << list;
    EXPECT_NE(pipeline.error().find("references"), std::string::npos) << pipeline.error();
  }
}

}  // namespace
}  // namespace quant::testing
