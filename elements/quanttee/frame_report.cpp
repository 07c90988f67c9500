// SPDX-License-Identifier: MIT
#include "quanttee/frame_report.h"

#include <nlohmann/json.hpp>

#include "quant/metrics/snr_json.h"

namespace quant::element {

namespace {

using Json = nlohmann::ordered_json;

GstQuantSnrState to_gst(SnrState state) {
  switch (state) {
    case SnrState::kOk:
      return GST_QUANT_SNR_STATE_OK;
    case SnrState::kExact:
      return GST_QUANT_SNR_STATE_EXACT;
    case SnrState::kUndefined:
      return GST_QUANT_SNR_STATE_UNDEFINED;
  }
  return GST_QUANT_SNR_STATE_UNDEFINED;
}

GstQuantSnrFigures to_figures(const OutputError& error) {
  const Snr snr = error.snr();
  GstQuantSnrFigures figures = {};
  figures.state = to_gst(snr.state);
  figures.reason =
      snr.state == SnrState::kUndefined ? g_intern_string(to_string(snr.reason)) : nullptr;
  figures.snr_db = snr.db;
  figures.signal = error.signal;
  figures.noise = error.noise;
  figures.mse = error.mse();
  figures.max_abs = error.max_abs;
  figures.mean_abs = error.mean_abs();
  figures.bias = error.bias();
  figures.cosine = error.cosine().value_or(std::numeric_limits<double>::quiet_NaN());
  return figures;
}

}  // namespace

std::string to_json_line(const FrameReport& report) {
  Json json;
  json["frame"] = report.tag.frame;
  json["pts"] = GST_CLOCK_TIME_IS_VALID(report.tag.pts) ? Json(report.tag.pts) : Json();
  json["stream"] = report.tag.stream.empty() ? Json() : Json(report.tag.stream);
  json["context"] = report.context;
  json["reference"] = report.reference;
  json["independent"] = report.independent;
  json["outputs"] = Json::array();
  for (const OutputReport& output : report.outputs) {
    Json figures{{"name", output.name}};
    figures.update(to_json(output.frame));
    figures["window"] = Json{{"frames", output.window_frames}};
    figures["window"].update(to_json(output.window));
    json["outputs"].push_back(std::move(figures));
  }
  // Names come from model files and need not be valid UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

GstPointer<GstQuantSnrRecord> to_snr_record(const FrameReport& report) {
  GstPointer<GstQuantSnrRecord> record(gst_quant_snr_record_new(report.outputs.size()));
  record->frame = report.tag.frame;
  record->pts = report.tag.pts;
  record->running_time = report.tag.running_time;
  record->stream_time = report.tag.stream_time;
  record->stream = report.tag.stream.empty() ? nullptr : g_intern_string(report.tag.stream.c_str());
  record->context = g_intern_string(report.context.c_str());
  record->reference = g_intern_string(report.reference.c_str());
  record->independent = report.independent;
  for (std::size_t i = 0; i < report.outputs.size(); ++i) {
    const OutputReport& from = report.outputs[i];
    GstQuantSnrOutput& to = record->outputs[i];
    to.id = g_quark_from_string(from.name.c_str());
    to.name = g_quark_to_string(to.id);
    to.frame = to_figures(from.frame);
    to.window = to_figures(from.window);
    to.window_frames = static_cast<guint>(from.window_frames);
  }
  return record;
}

}  // namespace quant::element
