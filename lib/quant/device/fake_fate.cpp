// SPDX-License-Identifier: MIT
// What goes wrong with the fake device, and when.
#include <array>

#include "quant/device/fake_device.h"

namespace quant {
namespace {

constexpr std::array kFrameKinds{FakeFault::Kind::kStatus, FakeFault::Kind::kStart,
                                 FakeFault::Kind::kLost,   FakeFault::Kind::kLate,
                                 FakeFault::Kind::kTwice,  FakeFault::Kind::kReorder,
                                 FakeFault::Kind::kHang,   FakeFault::Kind::kHangStop};
constexpr std::array kStatuses{4,  8,  26, 36, 63, 64, 73, 74, 76, 77,
                               78, 79, 82, 85, 87, 91, 92, 93, 96, 97};

enum Purpose : std::uint64_t { kFrame, kOpening, kConfiguration };

bool concerns_frames(FakeFault::Kind kind) {
  return kind != FakeFault::Kind::kOpen && kind != FakeFault::Kind::kConfigure;
}
bool concerns_opening(FakeFault::Kind kind) { return kind == FakeFault::Kind::kOpen; }
bool concerns_configuration(FakeFault::Kind kind) { return kind == FakeFault::Kind::kConfigure; }

bool happens(FakeRandom& random, double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

template <typename Choices>
auto pick(FakeRandom& random, const Choices& choices) {
  return choices[random() % choices.size()];
}

}  // namespace

FakeRandom FakeFate::random_for(int at, std::uint64_t purpose) const {
  std::seed_seq seed{options_.seed, static_cast<std::uint64_t>(at), purpose};
  return FakeRandom(seed);
}

std::optional<FakeFault> FakeFate::planned(int at, bool (*fits)(FakeFault::Kind)) const {
  for (const FakeFault& fault : options_.faults) {
    if (fault.at == at && fits(fault.kind)) return fault;
  }
  return std::nullopt;
}

FakeFate::Run FakeFate::next_run() {
  Run run{runs_++, std::nullopt};
  run.fault = planned(run.number, concerns_frames);
  if (run.fault || options_.fault_rate <= 0) return run;
  FakeRandom random = random_for(run.number, kFrame);
  if (!happens(random, options_.fault_rate)) return run;
  run.fault = FakeFault{pick(random, kFrameKinds), run.number, pick(random, kStatuses)};
  return run;
}

std::optional<FakeFault> FakeFate::next_opening() {
  const int at = openings_++;
  if (const auto fault = planned(at, concerns_opening)) return fault;
  // Who never comes in learns nothing about the rest.
  if (at == 0 || options_.fault_rate <= 0) return std::nullopt;
  FakeRandom random = random_for(at, kOpening);
  if (!happens(random, options_.fault_rate)) return std::nullopt;
  return FakeFault{FakeFault::Kind::kOpen, at, pick(random, kStatuses)};
}

std::optional<FakeFault> FakeFate::next_configuration() {
  const int at = configurations_++;
  if (const auto fault = planned(at, concerns_configuration)) return fault;
  if (options_.fault_rate <= 0) return std::nullopt;
  FakeRandom random = random_for(at, kConfiguration);
  if (!happens(random, options_.fault_rate)) return std::nullopt;
  return FakeFault{FakeFault::Kind::kConfigure, at, pick(random, kStatuses)};
}

bool FakeFate::is_hot() const {
  const int last = runs_ - 1;
  return options_.hot_from >= 0 && options_.hot_from <= last && last < options_.hot_to;
}

}  // namespace quant
