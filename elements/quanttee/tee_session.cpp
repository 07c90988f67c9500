// SPDX-License-Identifier: MIT
#include "quanttee/tee_session.h"

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"

namespace quant::element {

namespace {

// One frame that is measured, one that waits: more would only make the figures older.
constexpr std::size_t kWaitingFrames = 2;

std::int64_t now_ns() { return static_cast<std::int64_t>(gst_util_get_timestamp()); }

GstPointer<GstBuffer> make_record_buffer(const FrameReport& report) {
  const std::string line = to_json_line(report);
  GstPointer<GstBuffer> buffer(gst_buffer_new_memdup(line.data(), line.size()));
  GST_BUFFER_PTS(buffer.get()) = report.tag.pts;
  GST_BUFFER_DURATION(buffer.get()) = report.tag.duration;
  GST_BUFFER_OFFSET(buffer.get()) = report.tag.frame;
  return buffer;
}

}  // namespace

TeeSession::TeeSession(GstElement* element, std::shared_ptr<const Model> model,
                       const TeeSettings& settings, bool live)
    : element_(element),
      model_(std::move(model)),
      settings_(settings),
      live_(live),
      governor_(settings.max_load_percent, settings.threads),
      alerts_(settings.alert_below_db, settings.alert_hysteresis_db) {
  if (!live_) return;
  worker_ = std::make_unique<MeasurementWorker>(
      kWaitingFrames, [this](const Measurement& measurement, const auto& still_wanted) {
        guarded(element_, 0, [&] {
          measure_in_worker(measurement, still_wanted);
          return 0;
        });
      });
}

Status TeeSession::process(GstBuffer* buffer, const FrameTag& tag, const RecordOrigin& origin) {
  ++counts_.frames;
  if (broken_) return fail(ErrorCode::kUnavailable, "the reference could not be set up");
  if (live_) attach_latest(buffer);
  const bool due = tag.frame % settings_.every == 0;
  if (!due || (live_ && !governor_.may_begin(now_ns()))) {
    ++counts_.skipped;
    push_gap(tag, origin);
    return {};
  }
  QUANT_TRY_ASSIGN(Measurement measurement, collect_measurement(buffer, tag));
  if (!live_) return process_here(buffer, measurement, origin);
  process_elsewhere(std::move(measurement), origin);
  return {};
}

Result<Measurement> TeeSession::collect_measurement(GstBuffer* buffer, const FrameTag& tag) const {
  const InputSpec& spec = model_->input();
  const TensorInfo input{spec.name, DataType::kUint8,
                         Shape{1, spec.height, spec.width, spec.channels()}};
  Measurement measurement;
  measurement.tag = tag;
  QUANT_TRY_ASSIGN(auto inputs, collect(buffer, std::span(&input, 1), GST_QUANT_TENSOR_ROLE_INPUT));
  measurement.input = std::move(inputs.front());
  QUANT_TRY_ASSIGN(measurement.tested,
                   collect(buffer, model_->outputs(), GST_QUANT_TENSOR_ROLE_DEQUANTIZED));
  return measurement;
}

Status TeeSession::process_here(GstBuffer* buffer, const Measurement& measurement,
                                const RecordOrigin& origin) {
  QUANT_TRY(open_monitor());
  const auto report = measure(measurement);
  if (!report) {
    count_failure(report.error());
    push_gap(measurement.tag, origin);
    return {};
  }
  if (settings_.attach_reference) {
    QUANT_TRY(attach(buffer, monitor_->reference_outputs(), model_->outputs(), {},
                     GST_QUANT_TENSOR_ROLE_REFERENCE, monitor_->reference().name()));
  }
  gst_buffer_add_quant_snr_meta(buffer, publish(*report, origin).release());
  return {};
}

void TeeSession::process_elsewhere(Measurement measurement, const RecordOrigin& origin) {
  // The input may be the camera's own memory, of which there are few pieces.
  measurement.input = measurement.input.clone();
  {
    const std::lock_guard lock(mutex_);
    origin_ = origin;
  }
  governor_.begin();
  const std::size_t dropped = worker_->push(std::move(measurement));
  counts_.skipped += dropped;
  for (std::size_t i = 0; i < dropped; ++i) governor_.end(now_ns(), 0);
}

void TeeSession::attach_latest(GstBuffer* buffer) {
  GstPointer<GstQuantSnrRecord> record;
  {
    const std::lock_guard lock(mutex_);
    record = std::move(latest_);
  }
  if (record) gst_buffer_add_quant_snr_meta(buffer, record.release());
}

void TeeSession::measure_in_worker(const Measurement& measurement,
                                   const MeasurementWorker::StillWanted& still_wanted) {
  if (const Status opened = open_monitor(); !opened) {
    if (!broken_.exchange(true)) post_error(element_, opened.error(), "setting up the reference");
    governor_.end(now_ns(), 0);
    return;
  }
  const std::int64_t begin_ns = now_ns();
  const auto report = measure(measurement);
  const std::int64_t end_ns = now_ns();
  governor_.end(end_ns, end_ns - begin_ns);
  if (!still_wanted()) {
    ++counts_.skipped;
    return;
  }
  if (!report) {
    count_failure(report.error());
    return;
  }
  RecordOrigin origin;
  {
    const std::lock_guard lock(mutex_);
    origin = origin_;
  }
  auto record = publish(*report, origin);
  const std::lock_guard lock(mutex_);
  latest_ = std::move(record);
}

Status TeeSession::open_monitor() {
  if (monitor_) return {};
  QUANT_TRY_ASSIGN(
      monitor_, SnrMonitor::make(model_, settings_.reference, settings_.threads, settings_.window));
  const std::lock_guard lock(mutex_);
  reference_name_ = monitor_->reference().name();
  independent_ = monitor_->reference().independent();
  return {};
}

Result<FrameReport> TeeSession::measure(const Measurement& measurement) {
  if (clear_windows_.exchange(false)) monitor_->clear_windows();
  return monitor_->measure(measurement);
}

GstPointer<GstQuantSnrRecord> TeeSession::publish(const FrameReport& report,
                                                  const RecordOrigin& origin) {
  ++counts_.measured;
  const GstPointer<GstBuffer> line = make_record_buffer(report);
  for_each_record_stream(element_, [&](RecordStream& stream) {
    if (!stream.push(line.get(), origin, !live_)) ++counts_.records_lost;
  });
  auto record = to_snr_record(report);
  if (settings_.post_messages) {
    gst_element_post_message(
        element_, gst_message_new_element(GST_OBJECT(element_),
                                          gst_quant_snr_record_to_structure(record.get())));
  }
  post_alerts(report);
  return record;
}

void TeeSession::post_alerts(const FrameReport& report) {
  for (const SnrAlert& alert : alerts_.observe(report)) {
    GstStructure* structure = gst_structure_new(
        "quant-alert", "state", G_TYPE_STRING, alert.raised ? "raised" : "cleared", "output",
        G_TYPE_STRING, alert.output.c_str(), "snr-db", G_TYPE_DOUBLE, alert.snr_db, "below-db",
        G_TYPE_DOUBLE, alerts_.below_db(), "hysteresis-db", G_TYPE_DOUBLE, alerts_.hysteresis_db(),
        "frame", G_TYPE_UINT64, report.tag.frame, "timestamp", GST_TYPE_CLOCK_TIME, report.tag.pts,
        "running-time", GST_TYPE_CLOCK_TIME, report.tag.running_time, "stream", G_TYPE_STRING,
        report.tag.stream.c_str(), nullptr);
    gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), structure));
  }
}

void TeeSession::push_gap(const FrameTag& tag, const RecordOrigin& origin) {
  // Behind a live source nobody waits for the first record, and earlier frames' records are still
  // to come.
  if (live_) return;
  for_each_record_stream(
      element_, [&](RecordStream& stream) { stream.push_gap(tag.pts, tag.duration, origin); });
}

void TeeSession::count_failure(const Error& error) {
  ++counts_.failed;
  if (std::exchange(warned_, true)) return;
  post_warning(element_, error, "running the reference; further failures are only counted");
}

void TeeSession::drain() {
  if (worker_) worker_->drain();
}

void TeeSession::flush() {
  clear_windows_ = true;
  if (!worker_) return;
  const std::size_t dropped = worker_->flush();
  counts_.skipped += dropped;
  for (std::size_t i = 0; i < dropped; ++i) governor_.end(now_ns(), 0);
  const std::lock_guard lock(mutex_);
  latest_.reset();
}

GstStructure* TeeSession::make_stats() const {
  const std::lock_guard lock(mutex_);
  return gst_structure_new(
      "application/x-quanttee-stats", "frames", G_TYPE_UINT64, counts_.frames.load(), "measured",
      G_TYPE_UINT64, counts_.measured.load(), "skipped", G_TYPE_UINT64, counts_.skipped.load(),
      "failed", G_TYPE_UINT64, counts_.failed.load(), "records-lost", G_TYPE_UINT64,
      counts_.records_lost.load(), "live", G_TYPE_BOOLEAN, live_, "reference", G_TYPE_STRING,
      reference_name_.empty() ? nullptr : reference_name_.c_str(), "independent", G_TYPE_BOOLEAN,
      independent_, nullptr);
}

}  // namespace quant::element
