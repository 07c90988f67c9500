// SPDX-License-Identifier: MIT
// What quanttee does between PAUSED and back: which frames are measured, by which thread, and where
// the figures go.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/model.h"
#include "quant/vision/frame.h"
#include "quanttee/load_governor.h"
#include "quanttee/measurement_worker.h"
#include "quanttee/record_stream.h"
#include "quanttee/snr_alert.h"
#include "quanttee/snr_monitor.h"

namespace quant::element {

// The element's properties; units and meaning as in docs/elements.md.
struct TeeSettings {
  std::string references = "original";
  ReferenceKind reference = ReferenceKind::kAuto;
  int threads = 1;
  unsigned every = 1;
  int max_load_percent = 50;
  unsigned window = 30;
  double alert_below_db = -200;
  double alert_hysteresis_db = 1;
  bool post_messages = true;
  bool attach_reference = false;
};

// Counts frames; any thread reads them.
struct TeeCounts {
  std::atomic<std::uint64_t> frames = 0;
  std::atomic<std::uint64_t> measured = 0;
  std::atomic<std::uint64_t> skipped = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<std::uint64_t> records_lost = 0;
};

// process() and drain() from the streaming thread, flush() and read_stats() from any.
class TeeSession {
 public:
  // `live`: behind a source that cannot wait. Then measuring happens in a thread of its own, at the
  // rate that max_load_percent allows, and process() never waits for it.
  TeeSession(GstElement* element, std::shared_ptr<const Model> model, const TeeSettings& settings,
             bool live);
  TeeSession(const TeeSession&) = delete;
  TeeSession& operator=(const TeeSession&) = delete;

  // Measures `buffer`, or decides not to, and hangs the figures on it. An error is one of the
  // pipeline; a reference that fails on one frame is counted, warned of once, and no error.
  Status process(GstBuffer* buffer, const FrameTag& tag, const RecordOrigin& origin);
  // Waits for the measurements under way; a flush ends the wait.
  void drain();
  // Drops the measurements under way and forgets the window.
  void flush();

  GstStructure* make_stats() const;

 private:
  Result<Measurement> collect_measurement(GstBuffer* buffer, const FrameTag& tag) const;
  Status process_here(GstBuffer* buffer, const Measurement& measurement,
                      const RecordOrigin& origin);
  void process_elsewhere(Measurement measurement, const RecordOrigin& origin);
  void attach_latest(GstBuffer* buffer);
  void measure_in_worker(const Measurement& measurement,
                         const MeasurementWorker::StillWanted& still_wanted);

  Status open_monitors();
  Result<std::vector<FrameReport>> measure(const Measurement& measurement);
  std::vector<GstPointer<GstQuantSnrRecord>> publish(const std::vector<FrameReport>& reports,
                                                     const RecordOrigin& origin);
  void post_alerts(const FrameReport& report);
  void push_gap(const FrameTag& tag, const RecordOrigin& origin);
  void count_failure(const Error& error);

  GstElement* const element_;
  const std::shared_ptr<const Model> model_;
  const TeeSettings settings_;
  const bool live_;
  TeeCounts counts_;
  LoadGovernor governor_;

  // Used by the thread that measures.
  std::vector<std::unique_ptr<SnrMonitor>> monitors_;  // the main reference first
  FrameNormalizer normalizer_;
  bool normalizes_ = false;  // a reference wants the network's own input
  Frame frame_;              // what every reference is given
  SnrAlerts alerts_;         // of the main reference
  std::atomic<bool> clear_windows_ = false;
  bool warned_ = false;

  mutable std::mutex mutex_;
  std::string reference_name_;  // of the main reference, as is the next
  bool independent_ = false;
  RecordOrigin origin_;  // of the measurement under way, in live pipelines
  std::vector<GstPointer<GstQuantSnrRecord>> latest_;  // not attached to a buffer yet
  std::atomic<bool> broken_ = false;                   // the worker has posted an error
  std::unique_ptr<MeasurementWorker> worker_;          // last: its thread uses all of the above
};

}  // namespace quant::element
