// SPDX-License-Identifier: MIT
#include <gst/quant/quant.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

GstQuantSnrRecord* sample_record() {
  GstQuantSnrRecord* record = gst_quant_snr_record_new(3);
  record->frame = 7;
  record->pts = 40 * GST_MSECOND;
  record->stream = g_intern_string("stream");
  record->reference = g_intern_string("native");
  const char* const names[] = {"ok", "exact", "silent"};
  for (gsize i = 0; i < record->num_outputs; ++i) {
    record->outputs[i].id = g_quark_from_string(names[i]);
    record->outputs[i].name = g_intern_string(names[i]);
    record->outputs[i].window_frames = 2;
  }
  record->outputs[0].frame.state = GST_QUANT_SNR_STATE_OK;
  record->outputs[0].frame.snr_db = 31.5;
  record->outputs[0].frame.max_abs = 0.25;
  record->outputs[0].frame.cosine = 0.5;
  record->outputs[0].window.state = GST_QUANT_SNR_STATE_OK;
  record->outputs[0].window.snr_db = 30;
  record->outputs[1].frame.state = GST_QUANT_SNR_STATE_EXACT;
  record->outputs[1].frame.snr_db = std::numeric_limits<double>::infinity();
  record->outputs[2].frame.reason = g_intern_string("reference is zero");
  return record;
}

const GstStructure* output_of(const GstStructure* message, guint index) {
  const GValue* outputs = gst_structure_get_value(message, "outputs");
  return gst_value_get_structure(gst_value_array_get_value(outputs, index));
}

TEST(QuantSnrRecord, StartsUndefined) {
  g_autoptr(GstQuantSnrRecord) record = gst_quant_snr_record_new(1);
  EXPECT_EQ(record->outputs[0].frame.state, GST_QUANT_SNR_STATE_UNDEFINED);
  EXPECT_TRUE(std::isnan(record->outputs[0].frame.snr_db));
  EXPECT_EQ(record->pts, GST_CLOCK_TIME_NONE);
}

TEST(QuantSnrRecord, FindsOutputsByName) {
  g_autoptr(GstQuantSnrRecord) record = sample_record();
  EXPECT_EQ(gst_quant_snr_record_get_output(record, g_quark_from_string("exact")),
            &record->outputs[1]);
  EXPECT_EQ(gst_quant_snr_record_get_output(record, g_quark_from_string("none such")), nullptr);
}

TEST(QuantSnrRecord, BecomesAMessageFieldByField) {
  g_autoptr(GstQuantSnrRecord) record = sample_record();
  GstStructure* message = gst_quant_snr_record_to_structure(record);
  EXPECT_STREQ(gst_structure_get_name(message), "quant-snr");
  guint64 frame = 0;
  EXPECT_TRUE(gst_structure_get_uint64(message, "frame", &frame));
  EXPECT_EQ(frame, 7U);
  GstClockTime timestamp = 0;
  EXPECT_TRUE(gst_structure_get_clock_time(message, "timestamp", &timestamp));
  EXPECT_EQ(timestamp, 40 * GST_MSECOND);
  EXPECT_STREQ(gst_structure_get_string(message, "stream"), "stream");
  EXPECT_STREQ(gst_structure_get_string(message, "reference"), "native");
  gboolean independent = TRUE;
  EXPECT_TRUE(gst_structure_get_boolean(message, "independent", &independent));
  EXPECT_FALSE(independent);
  EXPECT_EQ(gst_value_array_get_size(gst_structure_get_value(message, "outputs")), 3U);
  const GstStructure* ok = output_of(message, 0);
  double value = 0;
  EXPECT_STREQ(gst_structure_get_string(ok, "name"), "ok");
  EXPECT_STREQ(gst_structure_get_string(ok, "state"), "ok");
  EXPECT_TRUE(gst_structure_get_double(ok, "snr-db", &value));
  EXPECT_EQ(value, 31.5);
  EXPECT_TRUE(gst_structure_get_double(ok, "max-abs", &value));
  EXPECT_EQ(value, 0.25);
  for (const char* field : {"signal", "noise", "mse", "mean-abs", "bias", "cosine"}) {
    EXPECT_TRUE(gst_structure_get_double(ok, field, &value)) << field;
  }
  EXPECT_TRUE(gst_structure_get_double(ok, "window-snr-db", &value));
  EXPECT_EQ(value, 30);
  guint frames = 0;
  EXPECT_TRUE(gst_structure_get_uint(ok, "window-frames", &frames));
  EXPECT_EQ(frames, 2U);
  gst_structure_free(message);
}

// Where there is no ratio there is no number that could be taken for one.
TEST(QuantSnrRecord, LeavesOutRatiosThatAreNoNumber) {
  g_autoptr(GstQuantSnrRecord) record = sample_record();
  GstStructure* message = gst_quant_snr_record_to_structure(record);
  EXPECT_STREQ(gst_structure_get_string(output_of(message, 1), "state"), "exact");
  EXPECT_FALSE(gst_structure_has_field(output_of(message, 1), "snr-db"));
  EXPECT_STREQ(gst_structure_get_string(output_of(message, 2), "state"), "undefined");
  EXPECT_STREQ(gst_structure_get_string(output_of(message, 2), "reason"), "reference is zero");
  EXPECT_FALSE(gst_structure_has_field(output_of(message, 2), "snr-db"));
  EXPECT_FALSE(gst_structure_has_field(output_of(message, 2), "cosine"));
  gst_structure_free(message);
}

TEST(QuantSnrMeta, GivesTheLastRecord) {
  GstBuffer* buffer = gst_buffer_new();
  EXPECT_EQ(gst_buffer_get_quant_snr_record(buffer), nullptr);
  gst_buffer_add_quant_snr_meta(buffer, sample_record());
  GstQuantSnrRecord* last = sample_record();
  gst_buffer_add_quant_snr_meta(buffer, last);
  EXPECT_EQ(gst_buffer_get_quant_snr_record(buffer), last);
  gst_buffer_unref(buffer);
}

}  // namespace
