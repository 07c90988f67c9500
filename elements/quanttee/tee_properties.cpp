// SPDX-License-Identifier: MIT
#include "quanttee/tee_properties.h"

#include <gst/gst.h>

namespace quant::element {

namespace {

enum {
  PROP_0,
  PROP_REFERENCES,
  PROP_REFERENCE,
  PROP_THREADS,
  PROP_EVERY,
  PROP_MAX_LOAD,
  PROP_WINDOW,
  PROP_ALERT_BELOW_DB,
  PROP_ALERT_HYSTERESIS_DB,
  PROP_POST_MESSAGES,
  PROP_ATTACH_REFERENCE,
  PROP_STATS
};

// As low as no ratio ever falls.
constexpr double kNeverBelowDb = -200;

GType reference_type() {
  static GType type = 0;
  static const GEnumValue values[] = {
      {static_cast<gint>(ReferenceKind::kAuto), "The first of the following that can run the model",
       "auto"},
      {static_cast<gint>(ReferenceKind::kOnnxRuntime), "ONNX Runtime", "onnxruntime"},
      {static_cast<gint>(ReferenceKind::kOpenCv), "OpenCV DNN", "opencv"},
      {static_cast<gint>(ReferenceKind::kNative),
       "This project's own executor; not independent: a fault of its model reader hides in both "
       "sides",
       "native"},
      {0, nullptr, nullptr}};
  if (g_once_init_enter(&type)) {
    g_once_init_leave(&type, g_enum_register_static("GstQuantTeeReference", values));
  }
  return type;
}

}  // namespace

void install_tee_properties(GObjectClass* object_class) {
  const TeeSettings defaults;
  const auto mutable_ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                      GST_PARAM_MUTABLE_READY);
  const auto install = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };

  /**
   * GstQuantTee:references:
   *
   * What every measured frame is compared with: one or several of "original" (the ONNX model),
   * "native" (the same as this project reads it), "fp-optimized" (after folding) and "emulator"
   * (the integers of the bit-exact emulator), separated by commas. Each has records of its own. The
   * first is the main one: alerts and #GstQuantTee:attach-reference are about it, and
   * gst_buffer_get_quant_snr_record() finds its figures. Behind a device, "original,emulator" tells
   * what quantization costs from what the device adds.
   *
   * Since: 0.1
   */
  install(PROP_REFERENCES,
          g_param_spec_string("references", "References",
                              "What to compare with, the main one first: original, native, "
                              "fp-optimized, emulator (separated by commas)",
                              defaults.references.c_str(), mutable_ready));
  /**
   * GstQuantTee:reference:
   *
   * The runtime that computes the reference "original". An explicit choice never becomes another.
   *
   * Since: 0.1
   */
  install(
      PROP_REFERENCE,
      g_param_spec_enum("reference", "Reference", "Runtime that computes the reference 'original'",
                        reference_type(), static_cast<gint>(defaults.reference), mutable_ready));
  /**
   * GstQuantTee:threads:
   *
   * Threads of the float reference.
   *
   * Since: 0.1
   */
  install(PROP_THREADS, g_param_spec_int("threads", "Threads",
                                         "Number of threads that the reference computes with", 1,
                                         256, defaults.threads, mutable_ready));
  /**
   * GstQuantTee:every:
   *
   * Measure one frame out of that many; the others count as skipped.
   *
   * Since: 0.1
   */
  install(PROP_EVERY,
          g_param_spec_uint("every", "Every", "Measure one frame out of that many (frames)", 1,
                            G_MAXUINT, defaults.every, mutable_ready));
  /**
   * GstQuantTee:max-load:
   *
   * How much computing time the reference may take behind a live source. Other pipelines measure
   * every frame that is due.
   *
   * Since: 0.1
   */
  install(PROP_MAX_LOAD,
          g_param_spec_int("max-load", "Maximum load",
                           "Behind a live source, computing time that the reference may take, in "
                           "percent of one core (0 = no limit)",
                           0, 25600, defaults.max_load_percent, mutable_ready));
  /**
   * GstQuantTee:window:
   *
   * Measured frames that the pooled figures cover: energies are summed, decibels never averaged.
   *
   * Since: 0.1
   */
  install(PROP_WINDOW, g_param_spec_uint("window", "Window",
                                         "Measured frames that the pooled figures cover (frames)",
                                         1, 100000, defaults.window, mutable_ready));
  /**
   * GstQuantTee:alert-below-db:
   *
   * An output whose pooled signal-to-noise ratio falls below posts "quant-alert" with the state
   * "raised".
   *
   * Since: 0.1
   */
  install(PROP_ALERT_BELOW_DB,
          g_param_spec_double("alert-below-db", "Alert below",
                              "Post quant-alert where the pooled signal-to-noise ratio of an "
                              "output falls below (dB; -200 = never)",
                              kNeverBelowDb, 1000, defaults.alert_below_db, mutable_ready));
  /**
   * GstQuantTee:alert-hysteresis-db:
   *
   * How far above alert-below-db a ratio must rise until its alert is "cleared".
   *
   * Since: 0.1
   */
  install(PROP_ALERT_HYSTERESIS_DB,
          g_param_spec_double("alert-hysteresis-db", "Alert hysteresis",
                              "How far above alert-below-db the ratio must rise until the alert is "
                              "cleared (dB)",
                              0, 1000, defaults.alert_hysteresis_db, mutable_ready));
  /**
   * GstQuantTee:post-messages:
   *
   * Whether every measured frame posts the element message "quant-snr". Alerts are posted in any
   * case.
   *
   * Since: 0.1
   */
  install(PROP_POST_MESSAGES,
          g_param_spec_boolean("post-messages", "Post messages",
                               "Post a quant-snr element message for every measured frame",
                               defaults.post_messages, mutable_ready));
  /**
   * GstQuantTee:attach-reference:
   *
   * Whether the reference's outputs ride along too (role "reference"). Not behind a live source,
   * where a frame has left before its reference is there.
   *
   * Since: 0.1
   */
  install(PROP_ATTACH_REFERENCE,
          g_param_spec_boolean("attach-reference", "Attach reference",
                               "Attach the outputs of the reference to the frame as tensors too "
                               "(not behind a live source)",
                               defaults.attach_reference, mutable_ready));
  /**
   * GstQuantTee:stats:
   *
   * Counts of this run, of the last one after it: frames, measured, skipped, failed, records-lost
   * (all guint64), live (gboolean), reference (string), independent (gboolean).
   *
   * Since: 0.1
   */
  install(PROP_STATS, g_param_spec_boxed(
                          "stats", "Statistics",
                          "Counts of frames: seen, measured, skipped, failed; lost records; which "
                          "reference ran",
                          GST_TYPE_STRUCTURE,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  gst_type_mark_as_plugin_api(reference_type(), static_cast<GstPluginAPIFlags>(0));
}

bool set_tee_setting(TeeSettings& settings, guint id, const GValue* value) {
  switch (id) {
    case PROP_REFERENCES: {
      const gchar* list = g_value_get_string(value);
      settings.references = list ? list : TeeSettings().references;
      return true;
    }
    case PROP_REFERENCE:
      settings.reference = static_cast<ReferenceKind>(g_value_get_enum(value));
      return true;
    case PROP_THREADS:
      settings.threads = g_value_get_int(value);
      return true;
    case PROP_EVERY:
      settings.every = g_value_get_uint(value);
      return true;
    case PROP_MAX_LOAD:
      settings.max_load_percent = g_value_get_int(value);
      return true;
    case PROP_WINDOW:
      settings.window = g_value_get_uint(value);
      return true;
    case PROP_ALERT_BELOW_DB:
      settings.alert_below_db = g_value_get_double(value);
      return true;
    case PROP_ALERT_HYSTERESIS_DB:
      settings.alert_hysteresis_db = g_value_get_double(value);
      return true;
    case PROP_POST_MESSAGES:
      settings.post_messages = g_value_get_boolean(value);
      return true;
    case PROP_ATTACH_REFERENCE:
      settings.attach_reference = g_value_get_boolean(value);
      return true;
    default:
      return false;
  }
}

bool get_tee_setting(const TeeSettings& settings, guint id, GValue* value) {
  switch (id) {
    case PROP_REFERENCES:
      g_value_set_string(value, settings.references.c_str());
      return true;
    case PROP_REFERENCE:
      g_value_set_enum(value, static_cast<gint>(settings.reference));
      return true;
    case PROP_THREADS:
      g_value_set_int(value, settings.threads);
      return true;
    case PROP_EVERY:
      g_value_set_uint(value, settings.every);
      return true;
    case PROP_MAX_LOAD:
      g_value_set_int(value, settings.max_load_percent);
      return true;
    case PROP_WINDOW:
      g_value_set_uint(value, settings.window);
      return true;
    case PROP_ALERT_BELOW_DB:
      g_value_set_double(value, settings.alert_below_db);
      return true;
    case PROP_ALERT_HYSTERESIS_DB:
      g_value_set_double(value, settings.alert_hysteresis_db);
      return true;
    case PROP_POST_MESSAGES:
      g_value_set_boolean(value, settings.post_messages);
      return true;
    case PROP_ATTACH_REFERENCE:
      g_value_set_boolean(value, settings.attach_reference);
      return true;
    default:
      return false;
  }
}

guint tee_stats_property() { return PROP_STATS; }

}  // namespace quant::element
