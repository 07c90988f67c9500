// SPDX-License-Identifier: MIT
#include "gst/quant/quant-snr-record.h"

#include <math.h>

G_DEFINE_BOXED_TYPE(GstQuantSnrRecord, gst_quant_snr_record, gst_quant_snr_record_ref,
                    gst_quant_snr_record_unref)

/**
 * gst_quant_snr_record_new:
 * @num_outputs: number of outputs
 *
 * Returns: (transfer full): a record whose figures are all undefined, for its maker to fill
 *
 * Since: 0.1
 */
GstQuantSnrRecord* gst_quant_snr_record_new(gsize num_outputs) {
  const GstQuantSnrFigures undefined = {
      .state = GST_QUANT_SNR_STATE_UNDEFINED, .snr_db = NAN, .cosine = NAN};
  GstQuantSnrRecord* record = g_new0(GstQuantSnrRecord, 1);
  record->ref_count = 1;
  record->pts = GST_CLOCK_TIME_NONE;
  record->running_time = GST_CLOCK_TIME_NONE;
  record->stream_time = GST_CLOCK_TIME_NONE;
  record->num_outputs = num_outputs;
  record->outputs = g_new0(GstQuantSnrOutput, num_outputs);
  for (gsize i = 0; i < num_outputs; i++) {
    record->outputs[i].frame = undefined;
    record->outputs[i].window = undefined;
  }
  return record;
}

/**
 * gst_quant_snr_record_ref:
 * @record: a #GstQuantSnrRecord
 *
 * Returns: (transfer full): @record. Thread-safe.
 *
 * Since: 0.1
 */
GstQuantSnrRecord* gst_quant_snr_record_ref(GstQuantSnrRecord* record) {
  g_return_val_if_fail(record != NULL, NULL);
  g_atomic_int_inc(&record->ref_count);
  return record;
}

/**
 * gst_quant_snr_record_unref:
 * @record: (transfer full): a #GstQuantSnrRecord
 *
 * Gives up a reference; the last one frees the record. Thread-safe.
 *
 * Since: 0.1
 */
void gst_quant_snr_record_unref(GstQuantSnrRecord* record) {
  g_return_if_fail(record != NULL);
  if (!g_atomic_int_dec_and_test(&record->ref_count)) return;
  g_free(record->outputs);
  g_free(record);
}

/**
 * gst_quant_snr_record_get_output:
 * @record: a #GstQuantSnrRecord
 * @id: quark of the output's name
 *
 * Returns: (transfer none) (nullable): the figures of that output
 *
 * Since: 0.1
 */
const GstQuantSnrOutput* gst_quant_snr_record_get_output(const GstQuantSnrRecord* record,
                                                         GQuark id) {
  g_return_val_if_fail(record != NULL, NULL);
  for (gsize i = 0; i < record->num_outputs; i++) {
    if (record->outputs[i].id == id) return &record->outputs[i];
  }
  return NULL;
}

static void set_double(GstStructure* structure, const gchar* prefix, const gchar* name,
                       gdouble value) {
  gchar* field = g_strconcat(prefix, name, NULL);
  gst_structure_set(structure, field, G_TYPE_DOUBLE, value, NULL);
  g_free(field);
}

static void set_string(GstStructure* structure, const gchar* prefix, const gchar* name,
                       const gchar* value) {
  gchar* field = g_strconcat(prefix, name, NULL);
  gst_structure_set(structure, field, G_TYPE_STRING, value, NULL);
  g_free(field);
}

// Ratios that are no number are left out, so that no reader takes one for a number.
static void set_figures(GstStructure* structure, const gchar* prefix,
                        const GstQuantSnrFigures* figures) {
  if (figures->state == GST_QUANT_SNR_STATE_OK) {
    set_double(structure, prefix, "snr-db", figures->snr_db);
  }
  set_string(structure, prefix, "state", gst_quant_snr_state_get_nick(figures->state));
  if (figures->reason != NULL) set_string(structure, prefix, "reason", figures->reason);
  set_double(structure, prefix, "signal", figures->signal);
  set_double(structure, prefix, "noise", figures->noise);
  set_double(structure, prefix, "mse", figures->mse);
  set_double(structure, prefix, "max-abs", figures->max_abs);
  set_double(structure, prefix, "mean-abs", figures->mean_abs);
  set_double(structure, prefix, "bias", figures->bias);
  if (!isnan(figures->cosine)) set_double(structure, prefix, "cosine", figures->cosine);
}

// Flat on purpose: gst-launch-1.0 -m escapes every level of nesting once more.
static void append_output(GValue* list, const GstQuantSnrOutput* output) {
  GValue value = G_VALUE_INIT;
  GstStructure* structure = gst_structure_new("output", "name", G_TYPE_STRING, output->name, NULL);
  set_figures(structure, "", &output->frame);
  gst_structure_set(structure, "window-frames", G_TYPE_UINT, output->window_frames, NULL);
  set_figures(structure, "window-", &output->window);
  g_value_init(&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&value, structure);
  gst_value_array_append_and_take_value(list, &value);
}

/**
 * gst_quant_snr_record_to_structure:
 * @record: a #GstQuantSnrRecord
 *
 * Makes the structure of the element message "quant-snr"; docs/elements.md lists its fields.
 *
 * Returns: (transfer full): a structure named "quant-snr"
 *
 * Since: 0.1
 */
GstStructure* gst_quant_snr_record_to_structure(const GstQuantSnrRecord* record) {
  g_return_val_if_fail(record != NULL, NULL);
  GValue outputs = G_VALUE_INIT;
  GstStructure* structure = gst_structure_new(
      "quant-snr", "frame", G_TYPE_UINT64, record->frame, "timestamp", GST_TYPE_CLOCK_TIME,
      record->pts, "running-time", GST_TYPE_CLOCK_TIME, record->running_time, "stream-time",
      GST_TYPE_CLOCK_TIME, record->stream_time, "stream", G_TYPE_STRING, record->stream, "context",
      G_TYPE_STRING, record->context, "reference", G_TYPE_STRING, record->reference, "independent",
      G_TYPE_BOOLEAN, record->independent, NULL);
  g_value_init(&outputs, GST_TYPE_ARRAY);
  for (gsize i = 0; i < record->num_outputs; i++) append_output(&outputs, &record->outputs[i]);
  gst_structure_take_value(structure, "outputs", &outputs);
  return structure;
}

/**
 * gst_quant_snr_state_get_nick:
 * @state: a #GstQuantSnrState
 *
 * Returns: (transfer none): "ok", "exact" or "undefined"
 *
 * Since: 0.1
 */
const gchar* gst_quant_snr_state_get_nick(GstQuantSnrState state) {
  switch (state) {
    case GST_QUANT_SNR_STATE_OK:
      return "ok";
    case GST_QUANT_SNR_STATE_EXACT:
      return "exact";
    case GST_QUANT_SNR_STATE_UNDEFINED:
      return "undefined";
  }
  return "undefined";
}
