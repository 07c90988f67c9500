// SPDX-License-Identifier: MIT
// An application that reads the SNR off the buffers of any pipeline: how a Meson project, or any
// other C program, uses the library.
#include <gst/gst.h>

#include "gst/quant/quant.h"

// Streaming thread: the buffer belongs to the pipeline, the record to the buffer.
static GstPadProbeReturn print_snr(GstPad* pad, GstPadProbeInfo* info, gpointer user_data) {
  const GstQuantSnrRecord* record =
      gst_buffer_get_quant_snr_record(GST_PAD_PROBE_INFO_BUFFER(info));
  (void)pad;
  (void)user_data;
  if (record == NULL) return GST_PAD_PROBE_OK;
  for (gsize i = 0; i < record->num_outputs; ++i) {
    const GstQuantSnrOutput* output = &record->outputs[i];
    g_print("frame %" G_GUINT64_FORMAT " %s %.1f dB, last %u frames %.1f dB\n", record->frame,
            output->name, output->frame.snr_db, output->window_frames, output->window.snr_db);
  }
  return GST_PAD_PROBE_OK;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    g_printerr("usage: %s 'PIPELINE ! fakesink name=end'\n", argv[0]);
    return 2;
  }
  gst_init(NULL, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GstElement) pipeline = gst_parse_launch(argv[1], &error);
  if (pipeline == NULL || error != NULL) {
    g_printerr("%s\n", error != NULL ? error->message : "no pipeline");
    return 1;
  }
  g_autoptr(GstElement) end =
      GST_IS_BIN(pipeline) ? gst_bin_get_by_name(GST_BIN(pipeline), "end") : NULL;
  if (end == NULL) {
    g_printerr("the pipeline has no element named end\n");
    return 1;
  }
  g_autoptr(GstPad) pad = gst_element_get_static_pad(end, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, print_snr, NULL, NULL);

  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) last =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  const gboolean failed = GST_MESSAGE_TYPE(last) == GST_MESSAGE_ERROR;
  if (failed) {
    g_autoptr(GError) reason = NULL;
    gst_message_parse_error(last, &reason, NULL);
    g_printerr("%s\n", reason->message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return failed ? 1 : 0;
}
