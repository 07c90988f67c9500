// SPDX-License-Identifier: MIT
// GstQuantSnrRecord: how far the outputs of one frame lie from those of the float model. The same
// figures travel as metadata, as element message and as a line of JSON.
#ifndef GST_QUANT_SNR_RECORD_H
#define GST_QUANT_SNR_RECORD_H

#include "gst/quant/quant-prelude.h"

G_BEGIN_DECLS

/**
 * GstQuantSnrState:
 * @GST_QUANT_SNR_STATE_OK: the ratio is a number
 * @GST_QUANT_SNR_STATE_EXACT: no difference at all; the ratio is infinite
 * @GST_QUANT_SNR_STATE_UNDEFINED: the reference is all zero, or not finite; there is no ratio
 *
 * Since: 0.1
 */
typedef enum {
  GST_QUANT_SNR_STATE_OK,
  GST_QUANT_SNR_STATE_EXACT,
  GST_QUANT_SNR_STATE_UNDEFINED
} GstQuantSnrState;

typedef struct _GstQuantSnrFigures GstQuantSnrFigures;
typedef struct _GstQuantSnrOutput GstQuantSnrOutput;
typedef struct _GstQuantSnrRecord GstQuantSnrRecord;

/**
 * GstQuantSnrFigures:
 * @state: whether @snr_db is a number
 * @reason: (nullable): why there is no ratio, e.g. "reference is zero"; %NULL unless undefined;
 * interned
 * @snr_db: 10·log10(@signal / @noise), in dB; infinite where exact, NaN where undefined
 * @signal: Σ reference², in squared units of the output
 * @noise: Σ (test − reference)²
 * @mse: @noise divided by the number of elements
 * @max_abs: greatest |test − reference|
 * @mean_abs: mean of |test − reference|
 * @bias: mean of (test − reference): positive where the quantized model says more
 * @cosine: cosine similarity, −1 … 1; NaN where one side is all zero
 *
 * Error figures over all elements of one output, of one frame or pooled over several.
 *
 * Since: 0.1
 */
struct _GstQuantSnrFigures {
  GstQuantSnrState state;
  const gchar* reason;
  gdouble snr_db;
  gdouble signal;
  gdouble noise;
  gdouble mse;
  gdouble max_abs;
  gdouble mean_abs;
  gdouble bias;
  gdouble cosine;
};

/**
 * GstQuantSnrOutput:
 * @id: quark of @name
 * @name: the output's name in the ONNX model; interned
 * @frame: figures of this frame
 * @window: figures pooled over the last @window_frames measured frames, this one included: energies
 *   are summed, decibels never averaged
 * @window_frames: how many measured frames @window covers
 *
 * Since: 0.1
 */
struct _GstQuantSnrOutput {
  GQuark id;
  const gchar* name;
  GstQuantSnrFigures frame;
  GstQuantSnrFigures window;
  guint window_frames;
};

/**
 * GstQuantSnrRecord:
 * @frame: number of the frame, counted from 0 since the element started, skipped ones included
 * @pts: presentation time of the frame in ns; %GST_CLOCK_TIME_NONE where it had none
 * @running_time: the same as running time in ns, or %GST_CLOCK_TIME_NONE
 * @stream_time: the same as stream time in ns, or %GST_CLOCK_TIME_NONE
 * @stream: (nullable): stream id of the video; interned
 * @context: (nullable): what the frame was compared with, a rung of the ladder: "original",
 *   "native", "fp-optimized" or "quantized"; interned
 * @reference: which runtime computed the reference, e.g. "onnxruntime"; interned
 * @independent: %FALSE where the reference shares this project's model reader, so that a fault
 *   there would hide in both sides
 * @num_outputs: number of outputs
 * @outputs: (array length=num_outputs): one for every output of the model, in its order
 *
 * Constant once it left its maker; shared by reference.
 *
 * Since: 0.1
 */
struct _GstQuantSnrRecord {
  guint64 frame;
  GstClockTime pts;
  GstClockTime running_time;
  GstClockTime stream_time;
  const gchar* stream;
  const gchar* context;
  const gchar* reference;
  gboolean independent;
  gsize num_outputs;
  GstQuantSnrOutput* outputs;

  /*< private >*/
  gint ref_count;
  gpointer _gst_reserved[GST_PADDING];
};

GST_QUANT_API
GType gst_quant_snr_record_get_type(void);
#define GST_TYPE_QUANT_SNR_RECORD (gst_quant_snr_record_get_type())

GST_QUANT_API
GstQuantSnrRecord* gst_quant_snr_record_new(gsize num_outputs);
GST_QUANT_API
GstQuantSnrRecord* gst_quant_snr_record_ref(GstQuantSnrRecord* record);
GST_QUANT_API
void gst_quant_snr_record_unref(GstQuantSnrRecord* record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstQuantSnrRecord, gst_quant_snr_record_unref)

GST_QUANT_API
const GstQuantSnrOutput* gst_quant_snr_record_get_output(const GstQuantSnrRecord* record,
                                                         GQuark id);
GST_QUANT_API
GstStructure* gst_quant_snr_record_to_structure(const GstQuantSnrRecord* record);
GST_QUANT_API
const gchar* gst_quant_snr_state_get_nick(GstQuantSnrState state);

G_END_DECLS

#endif
