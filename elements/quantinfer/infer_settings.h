// SPDX-License-Identifier: MIT
// The properties of quantinfer as GObject sees them, apart from what the element does with them.
#pragma once

#include <gst/gst.h>

#include <string>

#include "quant/device/session_types.h"

namespace quant::element {

enum class BackendChoice { kAuto, kEmulator, kHailort, kFake };
enum class OnDeviceError { kFail, kEmulator, kDrop };

struct InferSettings {
  BackendChoice backend = BackendChoice::kAuto;
  gint threads = 1;
  std::string device_model;
  SessionOptions session;  // without device.model_path
  OnDeviceError on_device_error = OnDeviceError::kFail;
};

// Property ids run from 1.
void install_infer_properties(GObjectClass* object_class);
// False where `id` is none of the settings (stats is not: it is measured, not set).
bool set_infer_setting(InferSettings& settings, guint id, const GValue* value);
bool get_infer_setting(const InferSettings& settings, guint id, GValue* value);
// The id of the read-only property "stats".
guint infer_stats_property();

}  // namespace quant::element
