// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/analyze/diagnosis_choices.h"

namespace quant {
namespace {

// Elements that a way is tried on: in a first round, and where that was promising.
constexpr std::int64_t kFirstSample = 768;
constexpr std::int64_t kSecondSample = 32768;
// Of so few elements a ratio may be off by so much.
constexpr double kSampleDoubtDb = 4;
// So many of the first round are looked at again.
constexpr std::size_t kKept = 160;

struct Tried {
  const Choice* first = nullptr;
  const Choice* second = nullptr;  // null: one choice
  Outcome outcome;

  std::size_t causes() const {
    return first->causes.size() + (second != nullptr ? second->causes.size() : 0);
  }
  double db() const { return std::min(outcome.db(), kAsGoodAsExactDb); }
};

Repair repair_of(const Tried& tried) {
  Repair repair;
  // What a choice only suggests (the layout behind a width, the scaling behind a swap) gives way
  // to what another one says.
  if (tried.second != nullptr) {
    const bool second_first =
        tried.first->stage == Stage::kWidth || tried.first->stage == Stage::kSource;
    (second_first ? tried.second : tried.first)->put_into(repair);
    (second_first ? tried.first : tried.second)->put_into(repair);
  } else {
    tried.first->put_into(repair);
  }
  return repair;
}

std::vector<Cause> causes_of(const Tried& tried) {
  std::vector<Cause> causes = tried.first->causes;
  if (tried.second != nullptr)
    causes.insert(causes.end(), tried.second->causes.begin(), tried.second->causes.end());
  return causes;
}

// A gain or an offset that is left says that the fault is another one: repaired rightly, what is
// left is noise.
bool leaves_a_line(const OutputError& error) {
  constexpr double kMostOfIt = 0.75;
  // So far down it is the rounding of what was undone.
  constexpr double kRounding = 1e-5;
  if (error.noise <= kRounding * error.signal || error.test_energy <= 0 || error.count == 0)
    return false;
  const double without_gain = error.signal - error.product * error.product / error.test_energy;
  const double without_offset =
      error.noise - error.difference_sum * error.difference_sum / static_cast<double>(error.count);
  return std::min(without_gain, without_offset) < (1 - kMostOfIt) * error.noise;
}

void keep_best(std::vector<Tried>& tried) {
  std::stable_sort(tried.begin(), tried.end(), [](const Tried& a, const Tried& b) {
    if (a.db() != b.db()) return a.db() > b.db();
    return a.outcome.share > b.outcome.share;
  });
  if (tried.size() > kKept) tried.resize(kKept);
}

class Search {
 public:
  Search(std::span<const DiagnosisSubject> subjects, std::size_t index,
         std::span<const InputVariant> inputs)
      : trial_(subjects[index]),
        choices_(subjects, index, inputs, trial_),
        few_(trial_.sample(kFirstSample)),
        many_(trial_.sample(kSecondSample)),
        all_(trial_.sample(std::numeric_limits<std::int64_t>::max())) {}

  SearchResult run() {
    SearchResult result;
    result.before = trial_.run({}, all_);
    before_ = std::min(result.before.db(), kAsGoodAsExactDb);
    if (before_ >= kAsGoodAsExactDb) return result;
    try_singles();
    double best = before_;
    for (const Tried& single : singles_) best = std::max(best, single.db());
    try_pairs(best);
    conclude(result);
    return result;
  }

 private:
  Outcome outcome_of(const Tried& tried, std::span<const PixelSample> samples) {
    return trial_.run(repair_of(tried), samples);
  }

  // Bounds show in many values only.
  std::span<const PixelSample> first_sample(const Tried& tried) const {
    const bool bounds = tried.first->stage == Stage::kSaturation ||
                        (tried.second != nullptr && tried.second->stage == Stage::kSaturation);
    return bounds ? many_ : few_;
  }

  // A choice that changes nothing explains nothing.
  bool idle(const Outcome& outcome, const Outcome& without) const {
    return outcome.error == without.error && outcome.share == without.share;
  }

  // Where a way leaves elements out, those that are left must be better than they were; else it
  // only picks the good ones.
  bool gains_where_compared(const Outcome& outcome) const {
    constexpr double kAll = 0.999;
    if (outcome.share > kAll) return true;
    const std::optional<double> before = trial_.noise_as_read(many_);
    return !before ||
           10 * std::log10(*before / std::max(outcome.error.noise, 1e-300)) >= kLeastGainDb;
  }

  void look_again(std::vector<Tried>& tried) {
    keep_best(tried);
    std::vector<Tried> kept;
    for (Tried& each : tried) {
      each.outcome = outcome_of(each, many_);
      if (each.outcome.detail_db() >= kLeastDetailDb && !leaves_a_line(each.outcome.error) &&
          gains_where_compared(each.outcome))
        kept.push_back(each);
    }
    tried = std::move(kept);
    keep_best(tried);
  }

  void try_singles() {
    const Outcome before = trial_.run({}, few_);
    for (const Choice& choice : choices_.list()) {
      if (choice.causes.size() != 1) continue;
      Tried tried{&choice, nullptr, {}};
      tried.outcome = outcome_of(tried, first_sample(tried));
      if (choice.stage == Stage::kSaturation || !idle(tried.outcome, before))
        singles_.push_back(tried);
    }
    look_again(singles_);
  }

  void try_pairs(double best_single) {
    const double needed =
        std::max({best_single + kLeastGainDb, before_ + kLeastGainDb, kLeastLevelDb}) -
        kSampleDoubtDb;
    const auto consider = [&](Tried tried) {
      tried.outcome = outcome_of(tried, first_sample(tried));
      if (tried.outcome.db() >= needed) pairs_.push_back(tried);
    };
    const std::span<const Choice> list = choices_.list();
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].causes.size() == 2) {
        consider({&list[i], nullptr, {}});
        continue;
      }
      for (std::size_t j = i + 1; j < list.size(); ++j) {
        if (list[j].causes.size() == 1 && list[i].stage != list[j].stage)
          consider({&list[i], &list[j], {}});
      }
    }
    look_again(pairs_);
  }

  void conclude(SearchResult& result) {
    double best_single = before_;
    for (const Tried& single : singles_) best_single = std::max(best_single, single.db());
    const std::vector<Tried>* winners = nullptr;
    const auto explains = [&](const std::vector<Tried>& tried, double better_than) {
      return !tried.empty() && tried.front().db() >= better_than + kLeastGainDb &&
             tried.front().db() >= kLeastLevelDb;
    };
    if (explains(singles_, before_)) winners = &singles_;
    if (explains(pairs_, best_single)) winners = &pairs_;
    if (winners != nullptr) {
      for (const Tried& tried : *winners) {
        if (winners->front().db() - tried.db() > kSameDb) break;
        std::vector<Cause> causes = causes_of(tried);
        const bool known =
            std::any_of(result.explanations.begin(), result.explanations.end(),
                        [&](const Candidate& candidate) { return candidate.causes == causes; });
        if (!known) result.explanations.push_back({std::move(causes), outcome_of(tried, all_)});
      }
    }
    std::vector<Tried> all = singles_;
    all.insert(all.end(), pairs_.begin(), pairs_.end());
    keep_best(all);
    for (const Tried& tried : all) {
      if (result.tried.size() < kTried) result.tried.push_back({causes_of(tried), tried.outcome});
    }
  }

  Trial trial_;
  Choices choices_;
  std::vector<PixelSample> few_;
  std::vector<PixelSample> many_;
  std::vector<PixelSample> all_;
  double before_ = Outcome::kNothingDb;
  std::vector<Tried> singles_;
  std::vector<Tried> pairs_;
};

}  // namespace

SearchResult search(std::span<const DiagnosisSubject> subjects, std::size_t index,
                    std::span<const InputVariant> inputs) {
  return Search(subjects, index, inputs).run();
}

}  // namespace quant
