// SPDX-License-Identifier: MIT
// The race itself.
#include "peers/race.h"

#include <algorithm>
#include <chrono>

namespace quant {
namespace {

class Runner {
 public:
  explicit Runner(Contestant& contestant) : contestant_(contestant) {}

  void run(bool measured) {
    if (!contestant_.run_once) return;
    Status status = contestant_.before ? contestant_.before() : Status();
    const auto start = std::chrono::steady_clock::now();
    if (status) status = contestant_.run_once();
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    if (!status) {
      contestant_.absent_because = status.error().text();
      contestant_.run_once = nullptr;
      times_.clear();
    } else if (measured) {
      times_.push_back(elapsed.count());
    }
  }

  Standing standing() const {
    return {contestant_.name, contestant_.description, summarize_timings(times_),
            contestant_.absent_because};
  }

 private:
  Contestant& contestant_;
  std::vector<double> times_;
};

const Standing* find(const std::vector<Standing>& standings, const std::string& name) {
  const auto found = std::find_if(standings.begin(), standings.end(),
                                  [&name](const Standing& s) { return s.name == name; });
  return found == standings.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Standing> race(std::vector<Contestant>& contestants, const RaceOptions& options) {
  std::vector<Runner> runners;
  for (Contestant& contestant : contestants) runners.emplace_back(contestant);
  for (int i = 0; i < options.warm_up; ++i)
    for (Runner& runner : runners) runner.run(false);
  for (int round = 0; round < options.rounds; ++round)
    for (std::size_t i = 0; i < runners.size(); ++i) {
      // Who starts changes, so that nobody always runs in the same neighbour's cache.
      const std::size_t turn = (i + static_cast<std::size_t>(round)) % runners.size();
      runners[turn].run(true);
    }
  std::vector<Standing> standings;
  for (const Runner& runner : runners) standings.push_back(runner.standing());
  return standings;
}

double ratio(const std::vector<Standing>& standings, const std::string& mine,
             const std::string& theirs) {
  const Standing* a = find(standings, mine);
  const Standing* b = find(standings, theirs);
  if (a == nullptr || b == nullptr || b->timing.median_ms == 0) return 0;
  return a->timing.median_ms / b->timing.median_ms;
}

}  // namespace quant
