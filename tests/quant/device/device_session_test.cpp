// SPDX-License-Identifier: MIT
// Every fault of the fake device: a recovery that nobody sees but in the statistics, or an error
// that names it; in the order of the frames, within the bound.
#include "quant/device/device_session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "quant/device/counting_network.h"

namespace quant::testing {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Long enough that a busy machine never passes it by accident, short enough to wait for.
constexpr milliseconds kTimeout{150};

SessionOptions quick_options() {
  SessionOptions options;
  options.timeout = kTimeout;
  options.open_timeout = 2 * kTimeout;
  options.recovery.pause = milliseconds(1);
  options.recovery.longest_pause = milliseconds(4);
  return options;
}

FakeOptions fake(const std::string& text) {
  const auto options = parse_fake_options(text);
  EXPECT_TRUE(options) << options.error().text();
  return *options;
}

std::uint64_t count(const SessionStats& stats, DeviceFault fault) {
  return stats.faults[static_cast<std::size_t>(fault)];
}

struct Played {
  std::vector<std::optional<DeviceError>> errors;  // by frame; empty: the right outputs
  std::optional<DeviceError> lost;
  SessionStats stats;
  std::vector<SessionEvent> events;
};

// Frames through a session with as many on their way as it takes.
Played play(const std::string& text, int frames = 12, SessionOptions options = quick_options()) {
  Played played;
  auto session = DeviceSession::open(counting_driver(fake(text)), options);
  EXPECT_TRUE(session) << session.error().message;
  if (!session) return played;
  int submitted = 0;
  for (int frame = 0; frame < frames; ++frame) {
    while (submitted < frames && (*session)->submit(counting_input(submitted))) ++submitted;
    if ((*session)->pending() == 0) break;
    const auto outputs = (*session)->next();
    if (outputs) {
      EXPECT_TRUE(is_counted(*outputs, (*session)->outputs()[0], frame)) << frame;
      played.errors.emplace_back();
    } else {
      played.errors.emplace_back(outputs.error());
    }
  }
  played.lost = (*session)->lost();
  played.events = (*session)->take_events();
  (*session)->shut_down();
  played.stats = (*session)->stats();
  EXPECT_EQ(played.stats.submitted,
            played.stats.completed + played.stats.failed + played.stats.dropped);
  return played;
}

void expect_all_right(const Played& played, std::size_t frames = 12) {
  EXPECT_EQ(played.errors.size(), frames);
  for (std::size_t i = 0; i < played.errors.size(); ++i) {
    EXPECT_FALSE(played.errors[i]) << i << ": " << played.errors[i]->message;
  }
  EXPECT_FALSE(played.lost);
  EXPECT_EQ(played.stats.completed, frames);
}

TEST(DeviceSession, AnswersInOrder) {
  const Played played = play("layout=F8CR,queue=3", 50);
  expect_all_right(played, 50);
  EXPECT_EQ(played.stats.reconfigured + played.stats.reopened + played.stats.retries, 0U);
}

TEST(DeviceSession, OutputsLieOnPagesThatComeBack) {
  auto session = *DeviceSession::open(counting_driver(fake("layout=FCR,queue=2")), quick_options());
  std::set<const std::byte*> blocks;
  for (int frame = 0; frame < 50; ++frame) {
    ASSERT_TRUE(session->submit(counting_input(frame)));
    const auto outputs = session->next();
    ASSERT_TRUE(outputs);
    const std::byte* address = (*outputs)[0].raw();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) %
                  static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)),
              0U);
    blocks.insert(address);
  }
  // One for each place in the queue, one that the caller holds, one that a thread has yet to let
  // go of.
  EXPECT_LE(blocks.size(), 4U);
}

TEST(DeviceSession, OutputsOutliveTheSession) {
  auto session = *DeviceSession::open(counting_driver(fake("")), quick_options());
  ASSERT_TRUE(session->submit(counting_input(9)));
  const auto outputs = session->next();
  const DeviceStream stream = session->outputs()[0];
  session.reset();
  EXPECT_TRUE(is_counted(*outputs, stream, 9));
}

TEST(DeviceSession, RefusesFramesThatItCannotTake) {
  auto session = *DeviceSession::open(counting_driver(fake("queue=2")), quick_options());
  EXPECT_EQ(session->queue_size(), 2);
  EXPECT_EQ(session->submit({}).error().fault, DeviceFault::kInvalidUse);
  EXPECT_EQ(session->submit({Tensor(DataType::kUint8, {1})}).error().fault,
            DeviceFault::kInvalidUse);
  EXPECT_EQ(session->next().error().fault, DeviceFault::kInvalidUse);
  ASSERT_TRUE(session->submit(counting_input(0)));
  ASSERT_TRUE(session->submit(counting_input(1)));
  EXPECT_EQ(session->submit(counting_input(2)).error().fault, DeviceFault::kQueueFull);
  EXPECT_EQ(session->pending(), 2);
  session->shut_down();
  EXPECT_EQ(session->submit(counting_input(0)).error().fault, DeviceFault::kAborted);
}

TEST(DeviceSession, RefusesABatchThatTheQueueNeverFills) {
  SessionOptions options = quick_options();
  options.device.batch_size = 8;
  const auto session = DeviceSession::open(counting_driver(fake("queue=4")), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().fault, DeviceFault::kInvalidUse);
}

TEST(DeviceSession, PutsReorderedAnswersInOrder) {
  expect_all_right(play("faults=1:reorder+2:reorder+5:reorder"));
}

TEST(DeviceSession, CountsRepeatedAnswersAndNothingElse) {
  const Played played = play("faults=1:twice+4:twice,delay-us=300", 30);
  expect_all_right(played, 30);
  EXPECT_GE(played.stats.repeated, 1U);
}

TEST(DeviceSession, StartsFramesAgainAfterATimeout) {
  for (const char* fault : {"lost", "status-4", "start-4", "status-87", "status-8"}) {
    const Played played = play(std::string("faults=3:") + fault);
    expect_all_right(played);
    EXPECT_EQ(played.stats.reconfigured, 1U) << fault;
    EXPECT_EQ(played.stats.reopened, 0U) << fault;
    ASSERT_EQ(played.events.size(), 1U) << fault;
    EXPECT_EQ(played.events[0].kind, SessionEvent::Kind::kReconfigured);
  }
}

TEST(DeviceSession, NobodySeesOutputsThatComeTooLate) {
  // The answer comes while the same frame is under way once more, or after it.
  const Played played = play("faults=3:late,late-ms=180,delay-us=4000", 40);
  expect_all_right(played, 40);
  EXPECT_EQ(played.stats.abandoned > 0, true);
}

TEST(DeviceSession, OpensTheDeviceAnewWhereConfiguringDoesNotHelp) {
  const Played played = play("faults=3:lost+0:configure-4");
  expect_all_right(played);
  EXPECT_EQ(played.stats.reconfigured, 1U);
  EXPECT_EQ(played.stats.reopened, 1U);
}

TEST(DeviceSession, OpensTheDeviceAnewAfterItClosedItsStreams) {
  const Played played = play("faults=3:status-63");
  expect_all_right(played);
  EXPECT_EQ(played.stats.reopened, 1U);
  EXPECT_GE(count(played.stats, DeviceFault::kAborted), 1U);
}

TEST(DeviceSession, TriesAgainWhereThereIsNoRoom) {
  const Played played = play("faults=3:start-82+4:start-97+5:start-82");
  expect_all_right(played);
  EXPECT_EQ(played.stats.retries, 3U);
  EXPECT_EQ(played.stats.reopened, 0U);
}

TEST(DeviceSession, GivesUpAfterSoManyCuresInARow) {
  std::string faults = "faults=3:lost";
  for (int i = 0; i < 10; ++i) faults += "+" + std::to_string(i) + ":configure-4";
  for (int i = 1; i < 10; ++i) faults += "+" + std::to_string(i) + ":open-4";
  const Played played = play(faults);
  ASSERT_TRUE(played.lost);
  EXPECT_EQ(played.lost->fault, DeviceFault::kTimeout);
  EXPECT_EQ(played.stats.reconfigured, 1U);
  EXPECT_EQ(played.stats.reopened, 3U);
  // The frames before it were answered, those with it have its error, later ones are not taken.
  for (std::size_t i = 0; i < played.errors.size(); ++i) {
    EXPECT_EQ(played.errors[i].has_value(), i >= 3) << i;
  }
}

TEST(DeviceSession, AFrameThatAlwaysFailsIsAnErrorAndTheRestGoesOn) {
  // The queue is one frame long, so the third start is the same frame's.
  const Played played = play("queue=1,faults=3:status-8+4:status-8+5:status-8", 8);
  ASSERT_EQ(played.errors.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(played.errors[i].has_value(), i == 3) << i;
  EXPECT_EQ(played.errors[3]->status, 8);
  EXPECT_FALSE(played.lost);
  EXPECT_EQ(played.stats.failed, 1U);
  EXPECT_EQ(played.stats.completed, 7U);
}

struct FinalStatus {
  int status;
  DeviceFault fault;
};

class DeviceSessionFinal : public ::testing::TestWithParam<FinalStatus> {};

TEST_P(DeviceSessionFinal, EndsItAtOnceWithTheStatusInTheFramesError) {
  for (const char* place : {"status-", "start-"}) {
    const Played played =
        play(std::string("faults=3:") + place + std::to_string(GetParam().status));
    ASSERT_TRUE(played.lost) << place;
    EXPECT_EQ(played.lost->fault, GetParam().fault) << place;
    EXPECT_EQ(played.lost->status, GetParam().status) << place;
    EXPECT_EQ(played.stats.reconfigured + played.stats.reopened + played.stats.retries, 0U);
    ASSERT_GE(played.errors.size(), 4U);
    ASSERT_TRUE(played.errors[3]);
    EXPECT_EQ(played.errors[3]->status, GetParam().status);
  }
}

TEST_P(DeviceSessionFinal, AtOpeningIsTheErrorOfOpening) {
  const auto session = DeviceSession::open(
      counting_driver(fake("faults=0:open-" + std::to_string(GetParam().status))), quick_options());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().fault, GetParam().fault);
  EXPECT_EQ(session.error().status, GetParam().status);
  EXPECT_FALSE(session.error().message.empty());
}

INSTANTIATE_TEST_SUITE_P(Statuses, DeviceSessionFinal,
                         ::testing::Values(FinalStatus{36, DeviceFault::kDisconnected},
                                           FinalStatus{96, DeviceFault::kDisconnected},
                                           FinalStatus{73, DeviceFault::kBusy},
                                           FinalStatus{74, DeviceFault::kBusy},
                                           FinalStatus{64, DeviceFault::kDriverMissing},
                                           FinalStatus{76, DeviceFault::kVersionMismatch},
                                           FinalStatus{78, DeviceFault::kVersionMismatch},
                                           FinalStatus{85, DeviceFault::kVersionMismatch},
                                           FinalStatus{93, DeviceFault::kWrongArchitecture},
                                           FinalStatus{91, DeviceFault::kInvalidModel},
                                           FinalStatus{92, DeviceFault::kModelTooNew},
                                           FinalStatus{79, DeviceFault::kUnsupported},
                                           FinalStatus{6, DeviceFault::kInvalidUse}),
                         [](const auto& parameter) {
                           return std::to_string(parameter.param.status);
                         });

TEST(DeviceSession, AsksTheServiceOnceMoreAndNoMore) {
  expect_all_right(play("faults=3:status-77"));
  const Played played = play("faults=3:status-77+1:open-77");
  ASSERT_TRUE(played.lost);
  EXPECT_EQ(played.lost->fault, DeviceFault::kServiceFailed);
  EXPECT_EQ(played.stats.reopened, 1U);
}

TEST(DeviceSession, OpensADeviceThatIsThereOnlyLater) {
  auto session =
      DeviceSession::open(counting_driver(fake("faults=0:open-97+1:open-97")), quick_options());
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ((*session)->stats().retries, 2U);
}

TEST(DeviceSession, DoesNotWaitForACallThatHangs) {
  const auto begin = Clock::now();
  const Played played = play("faults=3:hang,hang-ms=1500", 8);
  ASSERT_TRUE(played.lost);
  EXPECT_EQ(played.lost->fault, DeviceFault::kTimeout);
  EXPECT_NE(played.lost->message.find("starting a frame"), std::string::npos);
  EXPECT_TRUE(played.stats.hanging);
  EXPECT_LT(Clock::now() - begin, milliseconds(1400));
}

TEST(DeviceSession, ShutsDownInTimeWhateverTheDeviceDoes) {
  for (const char* text : {"faults=1:hang-stop", "faults=1:lost+0:hang-stop", ""}) {
    auto driver = counting_driver(fake(text));
    const std::weak_ptr<DeviceDriver> alive = driver;
    auto session = *DeviceSession::open(std::move(driver), quick_options());
    for (int frame = 0; frame < 3; ++frame) ASSERT_TRUE(session->submit(counting_input(frame)));
    ASSERT_TRUE(session->next());
    const auto begin = Clock::now();
    session->shut_down();
    EXPECT_LT(Clock::now() - begin, 3 * kTimeout) << text;
    session.reset();
    EXPECT_TRUE(alive.expired()) << text;
  }
}

TEST(DeviceSession, FlushDropsWhatIsOnItsWay) {
  auto session = *DeviceSession::open(counting_driver(fake("delay-us=2000")), quick_options());
  for (int frame = 0; frame < 4; ++frame) ASSERT_TRUE(session->submit(counting_input(frame)));
  session->flush();
  EXPECT_EQ(session->pending(), 0);
  for (int frame = 10; frame < 14; ++frame) ASSERT_TRUE(session->submit(counting_input(frame)));
  for (int frame = 10; frame < 14; ++frame) {
    const auto outputs = session->next();
    ASSERT_TRUE(outputs);
    EXPECT_TRUE(is_counted(*outputs, session->outputs()[0], frame));
  }
  EXPECT_EQ(session->stats().dropped, 4U);
}

TEST(DeviceSession, FlushWakesWhoWaits) {
  auto session = *DeviceSession::open(counting_driver(fake("faults=0:lost")), quick_options());
  ASSERT_TRUE(session->submit(counting_input(0)));
  std::thread flusher([&] {
    std::this_thread::sleep_for(milliseconds(20));
    session->flush();
  });
  EXPECT_EQ(session->next().error().fault, DeviceFault::kAborted);
  flusher.join();
}

TEST(DeviceSession, SaysOnceWhenItGetsHotAndWhenItHasCooled) {
  SessionOptions options = quick_options();
  options.health_interval = milliseconds(1);
  const Played played = play("hot=10:30,delay-us=3000,queue=1", 50, options);
  expect_all_right(played, 50);
  ASSERT_EQ(played.events.size(), 2U);
  EXPECT_EQ(played.events[0].kind, SessionEvent::Kind::kHot);
  EXPECT_GT(*played.events[0].health.temperature_c, 100);
  EXPECT_EQ(*played.events[0].health.clock_mhz, 200);
  EXPECT_EQ(played.events[1].kind, SessionEvent::Kind::kCooled);
}

TEST(DeviceSession, SeveralShareOneDeviceInOneGroupOnly) {
  SessionOptions options = quick_options();
  options.device.group_id = "ours";
  options.device.device_id = "fake:7";
  auto first = DeviceSession::open(counting_driver(fake("seed=1")), options);
  auto second = DeviceSession::open(counting_driver(fake("seed=2")), options);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  for (int frame = 0; frame < 8; ++frame) {
    ASSERT_TRUE((*first)->submit(counting_input(frame)));
    ASSERT_TRUE((*second)->submit(counting_input(frame + 100)));
    EXPECT_TRUE(is_counted(*(*first)->next(), (*first)->outputs()[0], frame));
    EXPECT_TRUE(is_counted(*(*second)->next(), (*second)->outputs()[0], frame + 100));
  }
  options.device.group_id = "theirs";
  const auto third = DeviceSession::open(counting_driver(fake("")), options);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().fault, DeviceFault::kBusy);
  EXPECT_NE(third.error().message.find("ours"), std::string::npos);
  first->reset();
  second->reset();
  EXPECT_TRUE(DeviceSession::open(counting_driver(fake("")), options));
}

}  // namespace
}  // namespace quant::testing
