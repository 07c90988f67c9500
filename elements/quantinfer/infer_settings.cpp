// SPDX-License-Identifier: MIT
#include "quantinfer/infer_settings.h"

namespace quant::element {

namespace {

enum {
  PROP_0,
  PROP_BACKEND,
  PROP_THREADS,
  PROP_DEVICE_MODEL,
  PROP_DEVICE_ID,
  PROP_DEVICE_GROUP,
  PROP_BATCH_SIZE,
  PROP_SCHEDULER_TIMEOUT,
  PROP_SCHEDULER_THRESHOLD,
  PROP_SCHEDULER_PRIORITY,
  PROP_TIMEOUT,
  PROP_QUEUE_SIZE,
  PROP_ON_DEVICE_ERROR,
  PROP_STATS
};

// With the second of patience on top nobody ever waits for ten seconds.
constexpr gint kLongestTimeoutMs = 8500;
constexpr gint kLongestSchedulerMs = 9999;
constexpr gint kLongestQueue = 64;

GType backend_type() {
  static GType type = 0;
  static const GEnumValue values[] = {
      {static_cast<gint>(BackendChoice::kAuto),
       "A device where device-model is set and one is there, else the emulator", "auto"},
      {static_cast<gint>(BackendChoice::kEmulator), "Bit-exact emulation on the CPU", "emulator"},
      {static_cast<gint>(BackendChoice::kHailort), "A Hailo device through HailoRT", "hailort"},
      {static_cast<gint>(BackendChoice::kFake),
       "A device that is not there, for tests and demonstrations: the emulator behind the layouts "
       "and faults that device-model asks for",
       "fake"},
      {0, nullptr, nullptr}};
  if (g_once_init_enter(&type)) {
    g_once_init_leave(&type, g_enum_register_static("GstQuantInferBackend", values));
  }
  return type;
}

GType on_device_error_type() {
  static GType type = 0;
  static const GEnumValue values[] = {
      {static_cast<gint>(OnDeviceError::kFail), "An error message ends the pipeline", "fail"},
      {static_cast<gint>(OnDeviceError::kEmulator),
       "From that frame on the emulator takes over, with one warning", "emulator"},
      {static_cast<gint>(OnDeviceError::kDrop),
       "The frame does not leave; a device that is lost for good is an error", "drop"},
      {0, nullptr, nullptr}};
  if (g_once_init_enter(&type)) {
    g_once_init_leave(&type, g_enum_register_static("GstQuantInferOnDeviceError", values));
  }
  return type;
}

constexpr auto kReadWrite =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

std::string text_of(const GValue* value) {
  const gchar* text = g_value_get_string(value);
  return text ? text : "";
}

void set_text(GValue* value, const std::string& text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

void install_choices(GObjectClass* object_class) {
  const InferSettings defaults;
  const auto install = [&](guint id, GParamSpec* spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  /**
   * GstQuantInfer:backend:
   *
   * What runs the network.
   *
   * Since: 0.1
   */
  install(PROP_BACKEND,
          g_param_spec_enum("backend", "Backend", "What runs the network", backend_type(),
                            static_cast<gint>(defaults.backend), kReadWrite));
  /**
   * GstQuantInfer:threads:
   *
   * Threads of the emulator. Their number never changes a result.
   *
   * Since: 0.1
   */
  install(PROP_THREADS,
          g_param_spec_int("threads", "Threads",
                           "Number of threads that the emulator computes with, the streaming "
                           "thread included; results do not depend on it",
                           1, 256, defaults.threads, kReadWrite));
  /**
   * GstQuantInfer:on-device-error:
   *
   * What becomes of a frame to which the device gave no answer, after everything was tried.
   *
   * Since: 0.1
   */
  install(PROP_ON_DEVICE_ERROR,
          g_param_spec_enum("on-device-error", "On device error",
                            "What becomes of a frame to which the device gave no answer, after "
                            "everything was tried",
                            on_device_error_type(), static_cast<gint>(defaults.on_device_error),
                            kReadWrite));
  /**
   * GstQuantInfer:stats:
   *
   * Frames, faults by kind, cures, and the device's temperature, clock and power as last measured.
   *
   * Since: 0.1
   */
  install(PROP_STATS,
          g_param_spec_boxed("stats", "Statistics",
                             "Frames, faults of the device by kind, cures, "
                             "temperature, clock and power",
                             GST_TYPE_STRUCTURE,
                             static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  gst_type_mark_as_plugin_api(backend_type(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(on_device_error_type(), static_cast<GstPluginAPIFlags>(0));
}

void install_device(GObjectClass* object_class) {
  const InferSettings defaults;
  const SessionOptions& session = defaults.session;
  const auto install_text = [&](guint id, const char* name, const char* nick, const char* blurb) {
    g_object_class_install_property(object_class, id,
                                    g_param_spec_string(name, nick, blurb, nullptr, kReadWrite));
  };
  const auto install_int = [&](guint id, const char* name, const char* nick, const char* blurb,
                               gint least, gint most, gint value) {
    g_object_class_install_property(
        object_class, id, g_param_spec_int(name, nick, blurb, least, most, value, kReadWrite));
  };
  install_text(PROP_DEVICE_MODEL, "device-model", "Device model",
               "File name of the network as compiled for the device (.hef), from the same model as "
               "the .qar; with backend=fake, how the device behaves");
  install_text(PROP_DEVICE_ID, "device-id", "Device",
               "Which device, as its vendor's tools name it; unset takes any");
  install_text(PROP_DEVICE_GROUP, "device-group", "Device group",
               "Elements of one process that name the same group share one device; unset shares "
               "with all that leave it unset");
  install_int(PROP_BATCH_SIZE, "batch-size", "Batch size",
              "Number of frames that the device computes together; 0 = the device's library "
              "decides",
              0, kLongestQueue, session.device.batch_size);
  install_int(PROP_SCHEDULER_TIMEOUT, "scheduler-timeout", "Scheduler time-out",
              "Time in ms after which the network is switched in although fewer frames wait than "
              "scheduler-threshold; 0 = never",
              0, kLongestSchedulerMs, static_cast<gint>(session.device.scheduler_timeout.count()));
  install_int(PROP_SCHEDULER_THRESHOLD, "scheduler-threshold", "Scheduler threshold",
              "Number of frames that wait before the network is switched in on a shared device", 1,
              kLongestQueue, session.device.scheduler_threshold);
  install_int(PROP_SCHEDULER_PRIORITY, "scheduler-priority", "Scheduler priority",
              "Priority of the network on a shared device; greater is sooner", 0, 31,
              session.device.scheduler_priority);
  install_int(PROP_TIMEOUT, "timeout", "Time-out",
              "Time in ms after which a frame on the device, or a call to it, has failed", 1,
              kLongestTimeoutMs, static_cast<gint>(session.timeout.count()));
  install_int(PROP_QUEUE_SIZE, "queue-size", "Queue size",
              "Greatest number of frames on their way through the device; 0 = as many as it takes",
              0, kLongestQueue, session.queue_size);
}

}  // namespace

void install_infer_properties(GObjectClass* object_class) {
  install_choices(object_class);
  install_device(object_class);
}

bool set_infer_setting(InferSettings& settings, guint id, const GValue* value) {
  DeviceOptions& device = settings.session.device;
  switch (id) {
    case PROP_BACKEND:
      settings.backend = static_cast<BackendChoice>(g_value_get_enum(value));
      return true;
    case PROP_THREADS:
      settings.threads = g_value_get_int(value);
      return true;
    case PROP_DEVICE_MODEL:
      settings.device_model = text_of(value);
      return true;
    case PROP_DEVICE_ID:
      device.device_id = text_of(value);
      return true;
    case PROP_DEVICE_GROUP:
      device.group_id = text_of(value);
      return true;
    case PROP_BATCH_SIZE:
      device.batch_size = g_value_get_int(value);
      return true;
    case PROP_SCHEDULER_TIMEOUT:
      device.scheduler_timeout = std::chrono::milliseconds(g_value_get_int(value));
      return true;
    case PROP_SCHEDULER_THRESHOLD:
      device.scheduler_threshold = g_value_get_int(value);
      return true;
    case PROP_SCHEDULER_PRIORITY:
      device.scheduler_priority = g_value_get_int(value);
      return true;
    case PROP_TIMEOUT:
      settings.session.timeout = std::chrono::milliseconds(g_value_get_int(value));
      return true;
    case PROP_QUEUE_SIZE:
      settings.session.queue_size = g_value_get_int(value);
      return true;
    case PROP_ON_DEVICE_ERROR:
      settings.on_device_error = static_cast<OnDeviceError>(g_value_get_enum(value));
      return true;
    default:
      return false;
  }
}

bool get_infer_setting(const InferSettings& settings, guint id, GValue* value) {
  const DeviceOptions& device = settings.session.device;
  switch (id) {
    case PROP_BACKEND:
      g_value_set_enum(value, static_cast<gint>(settings.backend));
      return true;
    case PROP_THREADS:
      g_value_set_int(value, settings.threads);
      return true;
    case PROP_DEVICE_MODEL:
      set_text(value, settings.device_model);
      return true;
    case PROP_DEVICE_ID:
      set_text(value, device.device_id);
      return true;
    case PROP_DEVICE_GROUP:
      set_text(value, device.group_id);
      return true;
    case PROP_BATCH_SIZE:
      g_value_set_int(value, device.batch_size);
      return true;
    case PROP_SCHEDULER_TIMEOUT:
      g_value_set_int(value, static_cast<gint>(device.scheduler_timeout.count()));
      return true;
    case PROP_SCHEDULER_THRESHOLD:
      g_value_set_int(value, device.scheduler_threshold);
      return true;
    case PROP_SCHEDULER_PRIORITY:
      g_value_set_int(value, device.scheduler_priority);
      return true;
    case PROP_TIMEOUT:
      g_value_set_int(value, static_cast<gint>(settings.session.timeout.count()));
      return true;
    case PROP_QUEUE_SIZE:
      g_value_set_int(value, settings.session.queue_size);
      return true;
    case PROP_ON_DEVICE_ERROR:
      g_value_set_enum(value, static_cast<gint>(settings.on_device_error));
      return true;
    default:
      return false;
  }
}

guint infer_stats_property() { return PROP_STATS; }

}  // namespace quant::element
