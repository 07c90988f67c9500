// SPDX-License-Identifier: MIT
/**
 * SECTION:plugin-quant
 * @title: quant
 *
 * Quantized networks in video pipelines, and how much accuracy they lose against their float model.
 *
 * Since: 0.1
 */
#include <gst/gst.h>

#include "quantdequantize/quantdequantize.h"
#include "quantinfer/quantinfer.h"
#include "quantnormalize/quantnormalize.h"
#include "quanttee/quanttee.h"

static gboolean plugin_init(GstPlugin* plugin) {
  gboolean registered = FALSE;
  registered |= GST_ELEMENT_REGISTER(quantnormalize, plugin);
  registered |= GST_ELEMENT_REGISTER(quantinfer, plugin);
  registered |= GST_ELEMENT_REGISTER(quantdequantize, plugin);
  registered |= GST_ELEMENT_REGISTER(quanttee, plugin);
  return registered;
}

#define PACKAGE "gst-quant"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, quant,
                  "Quantized networks and their live signal-to-noise ratio", plugin_init,
                  GST_QUANT_VERSION, "MIT/X11", "gst-quant", "gst-quant developers")
