// SPDX-License-Identifier: MIT
// The properties of quanttee as GObject sees them, apart from what the element does with them.
#pragma once

#include <glib-object.h>

#include "quanttee/tee_session.h"

namespace quant::element {

// Property ids run from 1.
void install_tee_properties(GObjectClass* object_class);
// False where `id` is none of the settings (stats is not: it is measured, not set).
bool set_tee_setting(TeeSettings& settings, guint id, const GValue* value);
bool get_tee_setting(const TeeSettings& settings, guint id, GValue* value);
// The id of the read-only property "stats".
guint tee_stats_property();

}  // namespace quant::element
