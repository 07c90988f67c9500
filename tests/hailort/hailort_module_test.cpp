// SPDX-License-Identifier: MIT
// The real source of the module, loaded as the elements load it, over a stand-in of HailoRT.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "quant/device/device.h"
#include "quant/device/driver_module.h"
#include "stand_in/stand_in_control.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr milliseconds kPatience{5000};

long control(const std::string& command) {
  // The library that the module is linked to, not a second one.
  static void* const library = dlopen(STAND_IN_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  static const auto function =
      reinterpret_cast<decltype(&hailo_stand_in_control)>(dlsym(library, kStandInControl));
  return function(command.c_str());
}

// One frame with memory of its own, and what became of it.
class Frame : public DeviceJob {
 public:
  explicit Frame(const Device& device, std::uint8_t fill = 0) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto take = [&](std::size_t bytes) {
      const std::size_t pages = (bytes + page - 1) / page * page;
      memory_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(page, pages)), &std::free);
      return std::span(memory_.back().get(), bytes);
    };
    for (const DeviceStream& stream : device.inputs()) {
      const auto bytes = take(stream.frame_bytes);
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(fill + i);
      inputs_.push_back(bytes);
    }
    for (const DeviceStream& stream : device.outputs())
      outputs_.push_back(take(stream.frame_bytes));
  }

  std::span<const std::span<const std::byte>> inputs() const override { return inputs_; }
  std::span<const std::span<std::byte>> outputs() const override { return outputs_; }

  void done(std::optional<DeviceError> error) override {
    const std::lock_guard lock(mutex_);
    ++calls_;
    error_ = std::move(error);
    changed_.notify_all();
  }

  // How often done() was called, waiting for `calls` of them.
  int wait(int calls = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return calls_ >= calls; });
    return calls_;
  }
  std::optional<DeviceError> error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  std::vector<std::unique_ptr<std::byte, decltype(&std::free)>> memory_;
  std::vector<std::span<const std::byte>> inputs_;
  std::vector<std::span<std::byte>> outputs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int calls_ = 0;
  std::optional<DeviceError> error_;
};

class HailortModule : public ::testing::Test {
 protected:
  void SetUp() override {
    control("reset");
    auto loaded = load_driver("hailort");
    ASSERT_TRUE(loaded) << loaded.error().text();
    driver_ = *loaded;
    options_.model_path = network(
        "input net/in uint8 NHWC 4 5 3 1 0\n"
        "output net/conv9 uint16 FCR 3 5 7 0.25 1000\n"
        "output net/conv24 uint8 NHWC 3 5 2 0 0\n");
  }

  void TearDown() override { control("release"); }

  std::string network(const std::string& streams, const std::string& name = "net.hef") {
    const std::string path = (folder_.path() / name).string();
    std::ofstream(path) << "stand-in\n" << streams;
    return path;
  }

  std::unique_ptr<Device> open() {
    auto device = driver_->open(options_);
    EXPECT_TRUE(device) << device.error().message;
    return device ? std::move(*device) : nullptr;
  }

  DeviceError refusal() {
    auto device = driver_->open(options_);
    EXPECT_FALSE(device);
    return device ? DeviceError{} : device.error();
  }

  static std::shared_ptr<Frame> start(Device& device, std::uint8_t fill = 0) {
    auto frame = std::make_shared<Frame>(device, fill);
    const auto ready = device.wait_ready(kPatience);
    EXPECT_TRUE(ready) << ready.error().message;
    const auto started = device.start(frame);
    EXPECT_TRUE(started) << started.error().message;
    return frame;
  }

  TemporaryFolder folder_;
  DeviceDriver* driver_ = nullptr;
  DeviceOptions options_;
};

TEST_F(HailortModule, DescribesDeviceAndStreams) {
  const auto device = open();
  EXPECT_STREQ(driver_->name(), "hailort");
  EXPECT_EQ(driver_->library_version(), "4.23.0");
  EXPECT_EQ(device->info().id, "0000:01:00.0");
  EXPECT_EQ(device->info().architecture, "HAILO8L");
  EXPECT_EQ(device->info().library, "HailoRT 4.23.0");
  EXPECT_EQ(device->info().firmware, "4.23.0");
  EXPECT_EQ(device->queue_size(), 4);

  ASSERT_EQ(device->inputs().size(), 1u);
  EXPECT_EQ(device->inputs()[0].layout,
            dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 4, 5, 3));
  ASSERT_EQ(device->outputs().size(), 2u);
  const DeviceStream& keypoints = device->outputs()[0];
  EXPECT_EQ(keypoints.name, "net/conv9");
  EXPECT_EQ(keypoints.layout, dense_layout(DeviceOrder::kFcr, DataType::kUint16, 3, 5, 7));
  EXPECT_EQ(keypoints.frame_bytes, 3u * 5 * 7 * 2);
  ASSERT_TRUE(keypoints.params);
  EXPECT_EQ(keypoints.params->scale, std::vector<float>{0.25F});
  EXPECT_EQ(keypoints.params->zero_point, std::vector<float>{1000.0F});
  // A scale of 0 says that there is one per channel, and not which.
  EXPECT_FALSE(device->outputs()[1].params);
}

TEST_F(HailortModule, RunsFramesOnTheMemoryThatItIsGiven) {
  const auto device = open();
  std::vector<std::shared_ptr<Frame>> frames;
  for (std::uint8_t i = 0; i < 9; ++i) frames.push_back(start(*device, i));
  for (std::uint8_t i = 0; i < 9; ++i) {
    ASSERT_EQ(frames[i]->wait(), 1);
    ASSERT_FALSE(frames[i]->error()) << frames[i]->error()->message;
    const auto wide = frames[i]->outputs()[0];
    for (std::size_t k = 0; k < wide.size() / 2; ++k) {
      std::uint16_t value = 0;
      std::memcpy(&value, wide.data() + k * 2, 2);
      ASSERT_EQ(value, std::uint16_t(std::uint8_t(i + k % 60) + k)) << "frame " << int{i};
    }
  }
  EXPECT_EQ(control("count misaligned"), 0);
  EXPECT_TRUE(device->shut_down(kPatience));
}

TEST_F(HailortModule, SetsTheSchedulerOnlyWhereItWasAskedTo) {
  { const auto device = open(); }
  EXPECT_EQ(control("count threshold"), 0);
  EXPECT_EQ(control("count batch"), 0);
  options_.scheduler_threshold = 3;
  options_.scheduler_priority = 20;
  options_.scheduler_timeout = milliseconds(40);
  options_.batch_size = 8;
  const auto device = open();
  EXPECT_EQ(control("count threshold"), 3);
  EXPECT_EQ(control("count priority"), 20);
  EXPECT_EQ(control("count timeout"), 40);
  EXPECT_EQ(control("count batch"), 8);
}

TEST_F(HailortModule, SharesOneDeviceBetweenNetworks) {
  const auto first = open();
  options_.model_path =
      network("input a uint8 NHWC 1 1 1 1 0\noutput b uint8 NC 1 1 4 1 0\n", "b.hef");
  const auto second = open();
  EXPECT_EQ(control("count vdevices"), 1);
  EXPECT_EQ(control("count models"), 2);
  EXPECT_EQ(start(*second)->wait(), 1);
  EXPECT_EQ(start(*first)->wait(), 1);
  // The one that is left goes on.
  EXPECT_TRUE(first->shut_down(kPatience));
  EXPECT_EQ(control("count vdevices"), 1);
  EXPECT_EQ(start(*second)->wait(), 1);
  EXPECT_TRUE(second->shut_down(kPatience));
  EXPECT_EQ(control("count vdevices"), 0);
  EXPECT_EQ(control("count configured"), 0);

  options_.group_id = "mine";
  const auto third = open();
  options_.group_id = "yours";
  const auto fourth = open();
  EXPECT_EQ(control("count vdevices"), 2);
}

TEST_F(HailortModule, SaysWhyItCannotOpen) {
  control("devices");
  EXPECT_EQ(refusal().fault, DeviceFault::kNoDevice);
  control("devices 0000:01:00.0");
  control("fail vdevice 74");
  EXPECT_EQ(refusal().fault, DeviceFault::kBusy);
  control("fail vdevice 76");
  EXPECT_THAT(refusal().message, AllOf(HasSubstr("library 4.23.0"), HasSubstr("driver")));
  control("fail configure 93");
  const DeviceError wrong_chip = refusal();
  EXPECT_EQ(wrong_chip.fault, DeviceFault::kWrongArchitecture);
  EXPECT_THAT(wrong_chip.message, AllOf(HasSubstr("net.hef"), HasSubstr("HAILO8L")));

  options_.device_id = "0000:02:00.0";
  EXPECT_EQ(refusal().message, "no device has the id 0000:02:00.0");
  options_.device_id = std::string(100, 'x');
  EXPECT_EQ(refusal().fault, DeviceFault::kNoDevice);
  options_.device_id.clear();

  options_.model_path = "no/such.hef";
  const DeviceError damaged = refusal();
  EXPECT_EQ(damaged.fault, DeviceFault::kInvalidModel);
  EXPECT_EQ(damaged.status, 91);
  EXPECT_EQ(control("count vdevices"), 0);
}

TEST_F(HailortModule, RefusesStreamsThatItWouldMisread) {
  options_.model_path = network("input a uint8 NV12 4 4 3 1 0\noutput b uint8 NC 1 1 4 1 0\n");
  EXPECT_THAT(refusal().message, HasSubstr("stream a has order 13"));
  options_.model_path = network("input a uint8 NHWC 4 4 3 1 0\noutput b float32 NMS 1 1 405 0 0\n");
  const auto device = open();
  EXPECT_FALSE(device->outputs()[0].is_affine);
}

TEST_F(HailortModule, RefusesAnEnvironmentThatChangesOutputs) {
  setenv("HAILO_DISABLE_PP", "1", 1);
  EXPECT_EQ(refusal().fault, DeviceFault::kUnsupported);
  unsetenv("HAILO_DISABLE_PP");
}

TEST_F(HailortModule, ReportsFailedFramesAndNothingElse) {
  const auto device = open();
  control("complete 36");
  const auto lost = start(*device);
  ASSERT_EQ(lost->wait(), 1);
  ASSERT_TRUE(lost->error());
  EXPECT_EQ(lost->error()->fault, DeviceFault::kDisconnected);
  EXPECT_EQ(lost->error()->status, 36);

  control("fail run_async 82");
  const auto full = std::make_shared<Frame>(*device);
  const auto refused = device->start(full);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, DeviceFault::kQueueFull);
  EXPECT_EQ(full->wait(0), 0);
}

TEST_F(HailortModule, UsesBindingsAgainWhereAFrameIsNotTaken) {
  const auto device = open();
  EXPECT_EQ(start(*device)->wait(), 1);
  ASSERT_EQ(control("count bindings"), 1);
  for (const char* call : {"run_async", "set_buffer", "run_async", "set_buffer"}) {
    control(std::string("fail ") + call + " 82");
    ASSERT_FALSE(device->start(std::make_shared<Frame>(*device))) << call;
  }
  const auto frame = start(*device);
  EXPECT_EQ(frame->wait(), 1);
  EXPECT_FALSE(frame->error());
  EXPECT_EQ(control("count bindings"), 1);
}

TEST_F(HailortModule, WaitsNoLongerThanItMay) {
  const auto device = open();
  control("hang run");
  std::vector<std::shared_ptr<Frame>> frames;
  for (int i = 0; i < device->queue_size(); ++i) frames.push_back(start(*device));
  const auto begin = steady_clock::now();
  const auto ready = device->wait_ready(milliseconds(50));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().fault, DeviceFault::kTimeout);
  EXPECT_LT(steady_clock::now() - begin, kPatience);
  control("release");
  for (const auto& frame : frames) EXPECT_EQ(frame->wait(), 1);
}

TEST_F(HailortModule, AbortsWhatIsInFlightWhenItIsConfiguredAnew) {
  const auto device = open();
  control("delay 30");
  std::vector<std::shared_ptr<Frame>> frames;
  for (int i = 0; i < 3; ++i) frames.push_back(start(*device));
  ASSERT_TRUE(device->reconfigure(kPatience));
  ASSERT_EQ(frames[2]->wait(), 1);
  ASSERT_TRUE(frames[2]->error());
  EXPECT_EQ(frames[2]->error()->fault, DeviceFault::kAborted);
  EXPECT_EQ(control("count configured"), 1);
  EXPECT_EQ(control("count vdevices"), 1);
  const auto again = start(*device);
  EXPECT_EQ(again->wait(), 1);
  EXPECT_FALSE(again->error());
}

TEST_F(HailortModule, LeavesADeviceThatHangsInShutDown) {
  std::weak_ptr<Frame> watched;
  {
    auto device = open();
    control("hang run");
    control("hang shutdown");
    watched = start(*device);
    const auto begin = steady_clock::now();
    const auto down = device->shut_down(milliseconds(50));
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error().fault, DeviceFault::kTimeout);
    device.reset();
    EXPECT_LT(steady_clock::now() - begin, kPatience);
  }
  // Memory of a frame that the device may still write to stays.
  EXPECT_FALSE(watched.expired());
  control("release");
  const auto begin = steady_clock::now();
  while (control("count vdevices") > 0 && steady_clock::now() - begin < kPatience) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(control("count vdevices"), 0);
  EXPECT_TRUE(watched.expired());
}

TEST_F(HailortModule, MeasuresHeatAndClock) {
  const auto device = open();
  auto health = device->health();
  ASSERT_TRUE(health) << health.error().message;
  EXPECT_FLOAT_EQ(*health->temperature_c, 48.5F);
  EXPECT_FLOAT_EQ(*health->clock_mhz, 400.0F);
  EXPECT_FALSE(health->power_w);  // this board cannot
  control("temperature 110");
  health = device->health();
  EXPECT_FLOAT_EQ(*health->temperature_c, 110.0F);
  EXPECT_FLOAT_EQ(*health->clock_mhz, 200.0F);
}

TEST_F(HailortModule, CountsAndCallsAfterShutDown) {
  const auto device = open();
  ASSERT_TRUE(device->shut_down(kPatience));
  EXPECT_TRUE(device->shut_down(kPatience));
  const auto started = device->start(std::make_shared<Frame>(*device));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().fault, DeviceFault::kInvalidUse);
  EXPECT_EQ(control("count vdevices"), 0);
}

TEST(HailortModuleVersion, RefusesAnotherLibraryNamingBoth) {
  control("reset");
  control("version 4 21 0");
  const auto loaded = load_driver("hailort");
  control("reset");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, AllOf(HasSubstr("4.23.0"), HasSubstr("4.21.0")));
}

}  // namespace
}  // namespace quant
