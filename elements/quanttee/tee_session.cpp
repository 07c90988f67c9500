// SPDX-License-Identifier: MIT
#include "quanttee/tee_session.h"

#include <algorithm>

#include "plugin/errors.h"
#include "plugin/tensor_bridge.h"
#include "quanttee/reference_list.h"

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

// The main reference's come last: there whoever asks for one finds it.
void attach_records(GstBuffer* buffer, std::vector<GstPointer<GstQuantSnrRecord>> records) {
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    gst_buffer_add_quant_snr_meta(buffer, record->release());
  }
}

}  // namespace

TeeSession::TeeSession(GstElement* element, std::shared_ptr<const Model> model,
                       const TeeSettings& settings, bool live)
    : element_(element),
      model_(std::move(model)),
      settings_(settings),
      live_(live),
      governor_(settings.max_load_percent, settings.threads),
      normalizer_(model_->input()),
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
  QUANT_TRY(open_monitors());
  const auto reports = measure(measurement);
  if (!reports) {
    count_failure(reports.error());
    push_gap(measurement.tag, origin);
    return {};
  }
  if (settings_.attach_reference) {
    const SnrMonitor& main = *monitors_.front();
    QUANT_TRY(attach(buffer, main.reference_outputs(), model_->outputs(), {},
                     GST_QUANT_TENSOR_ROLE_REFERENCE, main.reference().runtime()));
  }
  attach_records(buffer, publish(*reports, origin));
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
  std::vector<GstPointer<GstQuantSnrRecord>> records;
  {
    const std::lock_guard lock(mutex_);
    records = std::exchange(latest_, {});
  }
  attach_records(buffer, std::move(records));
}

void TeeSession::measure_in_worker(const Measurement& measurement,
                                   const MeasurementWorker::StillWanted& still_wanted) {
  if (const Status opened = open_monitors(); !opened) {
    if (!broken_.exchange(true)) post_error(element_, opened.error(), "setting up the reference");
    governor_.end(now_ns(), 0);
    return;
  }
  const std::int64_t begin_ns = now_ns();
  const auto reports = measure(measurement);
  const std::int64_t end_ns = now_ns();
  governor_.end(end_ns, end_ns - begin_ns);
  if (!still_wanted()) {
    ++counts_.skipped;
    return;
  }
  if (!reports) {
    count_failure(reports.error());
    return;
  }
  RecordOrigin origin;
  {
    const std::lock_guard lock(mutex_);
    origin = origin_;
  }
  auto records = publish(*reports, origin);
  const std::lock_guard lock(mutex_);
  latest_ = std::move(records);
}

Status TeeSession::open_monitors() {
  if (!monitors_.empty()) return {};
  QUANT_TRY_ASSIGN(const auto contexts, parse_references(settings_.references));
  std::vector<std::unique_ptr<SnrMonitor>> monitors;
  for (const ContextKind context : contexts) {
    QUANT_TRY_ASSIGN(auto monitor, SnrMonitor::make(model_, context, settings_.reference,
                                                    settings_.threads, settings_.window));
    monitors.push_back(std::move(monitor));
  }
  monitors_ = std::move(monitors);
  // The others start from the pixels themselves.
  normalizes_ = std::any_of(contexts.begin(), contexts.end(), [](ContextKind context) {
    return context == ContextKind::kOriginal || context == ContextKind::kNative;
  });
  if (normalizes_) {
    const InputSpec& input = model_->input();
    frame_.network_input =
        Tensor(DataType::kFloat32, Shape{1, input.channels(), input.height, input.width});
  }
  const std::lock_guard lock(mutex_);
  reference_name_ = monitors_.front()->reference().runtime();
  independent_ = monitors_.front()->reference().independent();
  return {};
}

Result<std::vector<FrameReport>> TeeSession::measure(const Measurement& measurement) {
  const bool clear = clear_windows_.exchange(false);
  frame_.pixels = measurement.input;
  if (normalizes_) {
    normalizer_.run(measurement.input.data<std::uint8_t>(), frame_.network_input.data<float>());
  }
  std::vector<FrameReport> reports;
  for (const auto& monitor : monitors_) {
    if (clear) monitor->clear_windows();
    QUANT_TRY_ASSIGN(reports.emplace_back(), monitor->measure(measurement, frame_));
  }
  // It may be the camera's own memory.
  frame_.pixels.reset();
  return reports;
}

std::vector<GstPointer<GstQuantSnrRecord>> TeeSession::publish(
    const std::vector<FrameReport>& reports, const RecordOrigin& origin) {
  ++counts_.measured;
  std::vector<GstPointer<GstQuantSnrRecord>> records;
  for (const FrameReport& report : reports) {
    const GstPointer<GstBuffer> line = make_record_buffer(report);
    for_each_record_stream(element_, [&](RecordStream& stream) {
      if (!stream.push(line.get(), origin, !live_)) ++counts_.records_lost;
    });
    records.push_back(to_snr_record(report));
    if (settings_.post_messages) {
      GstStructure* structure = gst_quant_snr_record_to_structure(records.back().get());
      gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), structure));
    }
  }
  post_alerts(reports.front());
  return records;
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
  latest_.clear();
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
