// SPDX-License-Identifier: MIT
// Thousands of random schedules of faults. Whatever happens, and however busy the machine is: every
// frame that was taken is answered once, in order, with its own outputs or an error that says why;
// nobody waits without a bound; a device that hangs lets go of everything once it returns.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "quant/device/counting_network.h"

namespace quant::testing {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kFrames = 12;
// They wait most of the time.
constexpr int kAtOnce = 24;

SessionOptions random_options(std::mt19937& random) {
  SessionOptions options;
  options.timeout = milliseconds(3);
  options.open_timeout = milliseconds(20);
  options.frame_attempts = 1 + static_cast<int>(random() % 3);
  options.queue_size = static_cast<int>(random() % 4);
  options.recovery = {static_cast<int>(random() % 4), static_cast<int>(random() % 4),
                      milliseconds(1), milliseconds(2)};
  options.health_interval = milliseconds(random() % 3);
  // Schedules must not find each other's device busy.
  options.device.device_id = "fake:" + std::to_string(random());
  return options;
}

FakeOptions random_fake(std::mt19937& random) {
  constexpr DeviceOrder kOrders[] = {DeviceOrder::kNhwc, DeviceOrder::kNhcw, DeviceOrder::kFcr,
                                     DeviceOrder::kF8cr};
  constexpr double kRates[] = {0.02, 0.1, 0.3};
  FakeOptions options;
  options.seed = random();
  options.order = kOrders[random() % 4];
  options.queue_size = 1 + static_cast<int>(random() % 5);
  options.late = milliseconds(1 + random() % 8);
  options.hang = milliseconds(1 + random() % 12);
  options.delay = std::chrono::microseconds(random() % 3 * 100);
  options.fault_rate = kRates[random() % 3];
  options.hot_from = 3;
  options.hot_to = 6;
  return options;
}

struct Totals {
  std::atomic<int> right = 0, wrong = 0, lost = 0, cured = 0, hanging = 0, late = 0, repeated = 0;
  std::mutex mutex;
  std::vector<std::string> broken;  // what must not happen
  void report(unsigned seed, const std::string& what) {
    const std::lock_guard lock(mutex);
    broken.push_back("seed " + std::to_string(seed) + ": " + what);
  }
};

void check_answers(DeviceSession& session, std::mt19937& random, unsigned seed, Totals& totals) {
  int submitted = 0;
  int next = 0;
  // Held to the end: whoever still wrote to one would be seen.
  std::vector<std::pair<int, std::vector<Tensor>>> held;
  while (next < kFrames) {
    while (submitted < kFrames && session.submit(counting_input(submitted))) ++submitted;
    if (session.pending() == 0) break;
    if (random() % 16 == 0) {
      session.flush();
      next = submitted;
      continue;
    }
    auto outputs = session.next();
    if (outputs) {
      held.emplace_back(next, std::move(*outputs));
      ++totals.right;
    } else {
      if (outputs.error().message.empty()) totals.report(seed, "an error without a word");
      ++totals.wrong;
    }
    ++next;
  }
  for (const auto& [frame, outputs] : held) {
    if (is_counted(outputs, session.outputs()[0], frame)) continue;
    totals.report(seed, "frame " + std::to_string(frame) + " has other outputs");
  }
  if (next < kFrames && !session.lost()) totals.report(seed, "frames refused without a reason");
}

void check_stats(const SessionStats& stats, unsigned seed, Totals& totals) {
  if (stats.submitted != stats.completed + stats.failed + stats.dropped) {
    totals.report(seed, "frames do not add up");
  }
  if (stats.reconfigured + stats.reopened > 0) ++totals.cured;
  totals.hanging += stats.hanging ? 1 : 0;
  totals.late += static_cast<int>(stats.late);
  totals.repeated += static_cast<int>(stats.repeated);
}

void run_schedule(unsigned seed, Totals& totals) {
  std::mt19937 random(seed);
  const SessionOptions options = random_options(random);
  auto driver = counting_driver(random_fake(random));
  const std::weak_ptr<DeviceDriver> alive = driver;
  const auto begin = Clock::now();
  if (auto session = DeviceSession::open(std::move(driver), options)) {
    check_answers(**session, random, seed, totals);
    if ((*session)->lost()) ++totals.lost;
    (*session)->shut_down();
    check_stats((*session)->stats(), seed, totals);
    session->reset();
  } else if (session.error().message.empty()) {
    totals.report(seed, "not opened, without a word");
  }
  // Milliseconds each; the bound leaves room for a machine that does ten other things.
  if (Clock::now() - begin > std::chrono::seconds(20)) totals.report(seed, "took too long");
  for (int i = 0; i < 2000 && !alive.expired(); ++i) std::this_thread::sleep_for(milliseconds(5));
  if (!alive.expired()) totals.report(seed, "something holds the device for ever");
}

TEST(DeviceSession, SurvivesRandomSchedulesOfFaults) {
  Totals totals;
  std::atomic<unsigned> next_seed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      for (unsigned seed = next_seed++; seed < SCHEDULES; seed = next_seed++) {
        run_schedule(seed, totals);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& broken : totals.broken) ADD_FAILURE() << broken;
  // The schedules are not all alike: they reach what they are for.
  for (const auto* seen : {&totals.right, &totals.wrong, &totals.lost, &totals.cured,
                           &totals.hanging, &totals.late, &totals.repeated}) {
    EXPECT_GT(*seen, 0);
  }
}

}  // namespace
}  // namespace quant::testing
