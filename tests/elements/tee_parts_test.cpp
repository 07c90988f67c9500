// SPDX-License-Identifier: MIT
// The parts of quanttee that need no pipeline: load, worker, alerts, records.
#include <gtest/gtest.h>
#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <atomic>
#include <nlohmann/json.hpp>

#include "plugin/errors.h"
#include "quantinfer/processing_latency.h"
#include "quanttee/frame_report.h"
#include "quanttee/load_governor.h"
#include "quanttee/measurement_worker.h"
#include "quanttee/snr_alert.h"

namespace quant::element {
namespace {

constexpr std::int64_t kMs = 1000000;

TEST(LoadGovernor, SpacesMeasurementsSoThatTheLoadHolds) {
  LoadGovernor governor(25, 1);
  EXPECT_TRUE(governor.may_begin(0));
  governor.begin();
  EXPECT_FALSE(governor.may_begin(5 * kMs));
  governor.end(10 * kMs, 10 * kMs);
  // Ten of forty milliseconds are a quarter.
  EXPECT_FALSE(governor.may_begin(39 * kMs));
  EXPECT_TRUE(governor.may_begin(40 * kMs));
}

TEST(LoadGovernor, CountsEveryThread) {
  LoadGovernor governor(100, 4);
  governor.begin();
  governor.end(10 * kMs, 10 * kMs);
  EXPECT_FALSE(governor.may_begin(39 * kMs));
  EXPECT_TRUE(governor.may_begin(40 * kMs));
}

TEST(LoadGovernor, ZeroIsNoLimit) {
  LoadGovernor governor(0, 1);
  governor.begin();
  EXPECT_TRUE(governor.may_begin(0));
  governor.end(10 * kMs, 10 * kMs);
  EXPECT_TRUE(governor.may_begin(10 * kMs));
}

Measurement frame(std::uint64_t number) {
  Measurement measurement;
  measurement.tag.frame = number;
  return measurement;
}

// Holds the worker inside a measurement until opened.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return entered_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool entered_ = false;
  bool open_ = false;
};

TEST(MeasurementWorker, MeasuresInOrderAndDrains) {
  std::vector<std::uint64_t> measured;
  MeasurementWorker worker(8, [&](const Measurement& measurement, const auto& still_wanted) {
    EXPECT_TRUE(still_wanted());
    measured.push_back(measurement.tag.frame);
  });
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(worker.push(frame(i)), 0U);
  worker.drain();
  EXPECT_EQ(measured, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
}

#ifdef __linux__
// As the kernel writes it for sched_getattr(2).
struct Scheduling {
  std::uint32_t size = 0;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t slice_ns = 0;  // 0 before Linux 6.12
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

Scheduling of_this_thread() {
  Scheduling scheduling;
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0), 0);
  return scheduling;
}

// A thread of normal priority that wakes up on the worker's core has the core at once: that is what
// a batch thread is for, and a slice longer than anybody's where a slice is run to its end.
TEST(MeasurementWorker, YieldsItsCoreToTheVideo) {
  const Scheduling before = of_this_thread();
  if (before.nice >= 10) GTEST_SKIP() << "everything here runs that low already";
  Scheduling inside, started;
  MeasurementWorker worker(1, [&](const Measurement&, const auto&) {
    inside = of_this_thread();
    std::thread([&] { started = of_this_thread(); }).join();
  });
  worker.push(frame(0));
  worker.drain();
  for (const Scheduling& low : {inside, started}) {
    EXPECT_EQ(low.policy, static_cast<std::uint32_t>(SCHED_BATCH));
    EXPECT_EQ(low.nice, 10);
    if (before.slice_ns > 0) {
      EXPECT_EQ(low.slice_ns, 100U * kMs);
    }
  }
  const Scheduling after = of_this_thread();
  EXPECT_EQ(after.policy, before.policy);
  EXPECT_EQ(after.nice, before.nice);
  EXPECT_EQ(after.slice_ns, before.slice_ns);
}
#endif

TEST(MeasurementWorker, DropsTheOldestRatherThanWait) {
  Gate gate;
  std::vector<std::uint64_t> measured;
  MeasurementWorker worker(2, [&](const Measurement& measurement, const auto&) {
    gate.wait();
    measured.push_back(measurement.tag.frame);
  });
  worker.push(frame(0));
  gate.wait_until_entered();
  EXPECT_EQ(worker.push(frame(1)), 0U);
  EXPECT_EQ(worker.push(frame(2)), 0U);
  EXPECT_EQ(worker.push(frame(3)), 1U);
  gate.open();
  worker.drain();
  EXPECT_EQ(measured, (std::vector<std::uint64_t>{0, 2, 3}));
}

TEST(MeasurementWorker, AFlushDisownsWhatIsUnderWayAndWakesDrain) {
  Gate gate;
  std::atomic<bool> wanted = true;
  std::atomic<int> measured = 0;
  MeasurementWorker worker(4, [&](const Measurement&, const auto& still_wanted) {
    gate.wait();
    wanted = still_wanted();
    ++measured;
  });
  worker.push(frame(0));
  gate.wait_until_entered();
  worker.push(frame(1));
  EXPECT_EQ(worker.flush(), 1U);
  std::atomic<bool> drained = false;
  std::thread draining([&] {
    worker.drain();
    drained = true;
  });
  // Whenever it begins to wait, the next flush ends it; the measurement itself is still held.
  while (!drained) worker.flush();
  draining.join();
  EXPECT_EQ(measured, 0);
  gate.open();
  worker.drain();
  EXPECT_FALSE(wanted);
  EXPECT_EQ(measured, 1);
}

TEST(MeasurementWorker, ItsEndDropsWhatWaits) {
  Gate gate;
  std::atomic<int> measured = 0;
  {
    MeasurementWorker worker(4, [&](const Measurement&, const auto&) {
      gate.wait();
      ++measured;
    });
    worker.push(frame(0));
    gate.wait_until_entered();
    worker.push(frame(1));
    worker.flush();
    gate.open();
  }
  EXPECT_EQ(measured, 1);
}

// A report whose pooled ratio is that many decibels.
FrameReport report_of(double db) {
  OutputReport output;
  output.name = "scores";
  output.window.count = 1;
  output.window.signal = 1;
  output.window.noise = std::pow(10.0, -db / 10);
  output.frame = output.window;
  output.window_frames = 1;
  FrameReport report;
  report.outputs.push_back(output);
  return report;
}

TEST(SnrAlerts, RaiseOnceAndClearAfterTheHysteresis) {
  SnrAlerts alerts(30, 2);
  EXPECT_TRUE(alerts.observe(report_of(31)).empty());
  const auto raised = alerts.observe(report_of(29.9));
  ASSERT_EQ(raised.size(), 1U);
  EXPECT_TRUE(raised[0].raised);
  EXPECT_EQ(raised[0].output, "scores");
  EXPECT_NEAR(raised[0].snr_db, 29.9, 1e-9);
  EXPECT_TRUE(alerts.observe(report_of(20)).empty());
  EXPECT_TRUE(alerts.observe(report_of(31.9)).empty());
  const auto cleared = alerts.observe(report_of(32.1));
  ASSERT_EQ(cleared.size(), 1U);
  EXPECT_FALSE(cleared[0].raised);
}

TEST(SnrAlerts, AnUndefinedRatioChangesNothingAnExactOneClears) {
  SnrAlerts alerts(30, 2);
  alerts.observe(report_of(10));
  FrameReport undefined = report_of(10);
  undefined.outputs[0].window = OutputError{};
  EXPECT_TRUE(alerts.observe(undefined).empty());
  FrameReport exact = report_of(10);
  exact.outputs[0].window.noise = 0;
  EXPECT_EQ(alerts.observe(exact).size(), 1U);
}

TEST(FrameReport, IsOneLineOfJsonWithEveryField) {
  FrameReport report = report_of(40);
  report.tag.frame = 3;
  report.tag.pts = 120;
  report.tag.stream = "abc/video";
  report.context = "original";
  report.reference = "onnxruntime";
  report.independent = true;
  const std::string line = to_json_line(report);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["frame"], 3);
  EXPECT_EQ(json["pts"], 120);
  EXPECT_EQ(json["stream"], "abc/video");
  EXPECT_EQ(json["context"], "original");
  EXPECT_EQ(json["reference"], "onnxruntime");
  EXPECT_EQ(json["independent"], true);
  const auto& output = json["outputs"][0];
  EXPECT_EQ(output["name"], "scores");
  EXPECT_NEAR(output["snr_db"], 40, 1e-9);
  EXPECT_EQ(output["state"], "ok");
  for (const char* field : {"signal", "noise", "mse", "max_abs", "mean_abs", "bias", "cosine"}) {
    EXPECT_TRUE(output.contains(field)) << field;
    EXPECT_TRUE(output["window"].contains(field)) << field;
  }
  EXPECT_EQ(output["window"]["frames"], 1);
}

TEST(FrameReport, WritesNullWhereThereIsNoNumber) {
  FrameReport report = report_of(40);
  report.outputs[0].frame.noise = 0;
  report.outputs[0].window = OutputError{};
  const auto json = nlohmann::json::parse(to_json_line(report));
  EXPECT_TRUE(json["pts"].is_null());
  EXPECT_TRUE(json["stream"].is_null());
  EXPECT_TRUE(json["outputs"][0]["snr_db"].is_null());
  EXPECT_EQ(json["outputs"][0]["state"], "exact");
  EXPECT_EQ(json["outputs"][0]["window"]["state"], "undefined");
}

TEST(FrameReport, NamesThatAreNoUtf8StayParsable) {
  FrameReport report = report_of(40);
  report.outputs[0].name = "bad\xff";
  EXPECT_NO_THROW(nlohmann::json::parse(to_json_line(report)));
}

TEST(FrameReport, BecomesTheSameRecord) {
  FrameReport report = report_of(40);
  report.tag.frame = 9;
  report.context = "quantized";
  const auto record = to_snr_record(report);
  EXPECT_STREQ(record->context, "quantized");
  EXPECT_EQ(record->frame, 9U);
  ASSERT_EQ(record->num_outputs, 1U);
  EXPECT_STREQ(record->outputs[0].name, "scores");
  EXPECT_EQ(record->outputs[0].frame.state, GST_QUANT_SNR_STATE_OK);
  EXPECT_NEAR(record->outputs[0].frame.snr_db, 40, 1e-9);
  EXPECT_EQ(record->outputs[0].frame.reason, nullptr);
}

// What upstream answered: live or not, 20 to 30 ms.
GstPointer<GstQuery> latency_query(bool live) {
  GstPointer<GstQuery> query(gst_query_new_latency());
  gst_query_set_latency(query.get(), live ? TRUE : FALSE, 20 * kMs, 30 * kMs);
  return query;
}

TEST(ProcessingLatency, IsAddedToThatOfUpstream) {
  ProcessingLatency latency;
  latency.observe(10 * kMs);
  const auto query = latency_query(true);
  latency.add_to(query.get());
  gboolean live = FALSE;
  GstClockTime least = 0;
  GstClockTime most = 0;
  gst_query_parse_latency(query.get(), &live, &least, &most);
  EXPECT_TRUE(live);
  EXPECT_EQ(least, 20 * kMs + latency.reported_ns());
  EXPECT_EQ(most, 30 * kMs + latency.reported_ns());
}

TEST(ProcessingLatency, TellsNobodyWhoDoesNotWait) {
  ProcessingLatency latency;
  EXPECT_FALSE(latency.observe(10 * kMs));
  latency.add_to(latency_query(false).get());
  EXPECT_FALSE(latency.observe(100 * kMs));
  EXPECT_GE(latency.reported_ns(), static_cast<GstClockTime>(10 * kMs));
}

TEST(ProcessingLatency, MovesRarely) {
  ProcessingLatency latency;
  latency.add_to(latency_query(true).get());
  EXPECT_TRUE(latency.observe(10 * kMs));
  EXPECT_GE(latency.reported_ns(), static_cast<GstClockTime>(10 * kMs));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(latency.observe((9 + i % 3) * kMs)) << i;
  bool changed = false;
  for (int i = 0; i < 100; ++i) changed |= latency.observe(40 * kMs);
  EXPECT_TRUE(changed);
  EXPECT_GE(latency.reported_ns(), static_cast<GstClockTime>(39 * kMs));
}

TEST(Errors, EveryKindHasADomain) {
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kInvalidData,
        ErrorCode::kUnsupported, ErrorCode::kOutOfRange, ErrorCode::kIo, ErrorCode::kUnavailable,
        ErrorCode::kInternal}) {
    EXPECT_NE(gst_error_code(Error{code, "x", {}}).domain, 0U) << to_string(code);
  }
}

TEST(Errors, ADeviceThatIsLostOrBusyIsAResource) {
  const auto code = [](DeviceFault fault) {
    const GstErrorCode made = gst_error_code(to_error({fault, 0, "x"}, "device"));
    return made.domain == GST_RESOURCE_ERROR ? made.code : -1;
  };
  EXPECT_EQ(code(DeviceFault::kDisconnected), GST_RESOURCE_ERROR_READ);
  EXPECT_EQ(code(DeviceFault::kTimeout), GST_RESOURCE_ERROR_READ);
  EXPECT_EQ(code(DeviceFault::kBusy), GST_RESOURCE_ERROR_BUSY);
  EXPECT_EQ(code(DeviceFault::kNoDevice), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_EQ(code(DeviceFault::kDriverMissing), GST_RESOURCE_ERROR_OPEN_READ_WRITE);
  // A damaged network is no fault of the device.
  const GstErrorCode damaged = gst_error_code(to_error({DeviceFault::kInvalidModel, 0, "x"}, ""));
  EXPECT_EQ(damaged.domain, GST_STREAM_ERROR);
}

}  // namespace
}  // namespace quant::element
