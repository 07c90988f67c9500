// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "quant/optimize/headroom.h"
#include "quant/optimize/judged_snr.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/precision_parts.h"

namespace quant {
namespace {

// Frames that tell how much noise each part makes; the rest only confirms what is chosen.
constexpr std::size_t kSharingFrames = 8;

double ratio_of(double snr_db) { return std::pow(10.0, -snr_db / 10); }

// What the emulator found of a choice, by output; nothing: no figure.
using Measured = std::vector<std::optional<JudgedSnr>>;

class PrecisionSearch {
 public:
  PrecisionSearch(std::shared_ptr<const Graph> graph, const InputSpec& input,
                  const std::vector<Range>& ranges, PrecisionParts parts, OutputNoise judge,
                  std::vector<ValueId> given_ranges, const StepProgress& progress)
      : graph_(std::move(graph)),
        input_(input),
        ranges_(ranges),
        parts_(std::move(parts)),
        judge_(std::move(judge)),
        given_ranges_(std::move(given_ranges)),
        progress_(progress) {}

  Result<PrecisionSearchResult> run(const std::vector<double>& wanted_db) {
    std::vector<bool> wide(parts_.count(), true);
    QUANT_TRY_ASSIGN(const Measured best, measure(wide));
    QUANT_TRY(set_wishes(wanted_db, best));
    QUANT_TRY(measure_shares(wide));
    PrecisionSearchResult result;
    QUANT_TRY_ASSIGN(std::vector<bool> chosen, promote(result.curve));
    QUANT_TRY_ASSIGN(const Measured reached, take_back(chosen));
    result.reached = point(chosen, reached);
    result.plan = parts_.plan_of(chosen);
    result.frames = static_cast<std::int64_t>(judge_.frames());
    return result;
  }

 private:
  Result<QuantizedModel> model_of(const std::vector<bool>& wide) const {
    QuantizationPlan plan = parts_.plan_of(wide);
    plan.encodings = encodings_with_headroom(*graph_, plan);
    return lower(*graph_, input_, ranges_with_headroom(*graph_, plan, given_ranges_, ranges_),
                 plan);
  }

  Result<Measured> measure(const std::vector<bool>& wide) {
    QUANT_TRY(report(progress_, ++done_, 0));
    QUANT_TRY_ASSIGN(const QuantizedModel model, model_of(wide));
    QUANT_TRY_ASSIGN(const auto by_frame, judge_.energies(model));
    Measured result;
    for (std::size_t output = 0; output < by_frame.front().size(); ++output) {
      std::vector<NoiseEnergies> frames;
      for (const auto& frame : by_frame) frames.push_back(frame[output]);
      result.push_back(judge_snr(frames));
    }
    return result;
  }

  PrecisionTradeOff point(const std::vector<bool>& wide, const Measured& measured) const {
    PrecisionTradeOff result{parts_.bit_operations(parts_.plan_of(wide)), {}, {}};
    for (const auto& output : measured) {
      result.snr_db.push_back(output ? std::optional(output->db) : std::nullopt);
      result.least_db.push_back(output ? std::optional(output->least_db) : std::nullopt);
    }
    return result;
  }

  Status set_wishes(const std::vector<double>& wanted_db, const Measured& best) {
    if (wanted_db.size() != 1 && wanted_db.size() != best.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} wanted ratios for {} outputs", wanted_db.size(), best.size()));
    }
    for (std::size_t o = 0; o < best.size(); ++o) {
      wanted_db_.push_back(wanted_db[wanted_db.size() == 1 ? 0 : o]);
      if (!best[o] || best[o]->least_db >= wanted_db_[o]) continue;
      return fail(
          ErrorCode::kOutOfRange,
          fmt::format("{:.1f} dB are wanted and all layers in 16 bits reach {:.1f} for sure",
                      wanted_db_[o], best[o]->least_db),
          graph_->value(graph_->outputs[o]).name);
    }
    trust(best);
    return {};
  }

  bool reaches(const Measured& measured) const {
    for (std::size_t o = 0; o < measured.size(); ++o) {
      if (measured[o] && measured[o]->least_db < wanted_db_[o]) return false;
    }
    return true;
  }

  // What the pooled ratio has to be for its bound to be what is wanted, as measured last.
  void trust(const Measured& measured) {
    limits_.resize(measured.size());
    for (std::size_t o = 0; o < measured.size(); ++o) {
      const double margin = measured[o] ? measured[o]->db - measured[o]->least_db : 0;
      limits_[o] = ratio_of(wanted_db_[o] + margin);
    }
  }

  // The noise that appears when one part has 8 bits and all others 16.
  Status measure_shares(std::vector<bool>& wide) {
    const std::size_t stride = std::max<std::size_t>(judge_.frames() / kSharingFrames, 1);
    QUANT_TRY_ASSIGN(const QuantizedModel best, model_of(wide));
    QUANT_TRY_ASSIGN(const auto floor, judge_.ratios(best, stride));
    for (const auto& ratio : floor) floor_.push_back(ratio.value_or(0));
    for (std::size_t i = 0; i < parts_.count(); ++i) {
      wide[i] = false;
      QUANT_TRY_ASSIGN(const QuantizedModel model, model_of(wide));
      QUANT_TRY_ASSIGN(const auto ratios, judge_.ratios(model, stride));
      std::vector<double>& share = shares_.emplace_back();
      for (std::size_t o = 0; o < ratios.size(); ++o)
        share.push_back(std::max(ratios[o].value_or(0) - floor_[o], 0.0));
      wide[i] = true;
      QUANT_TRY(report(progress_, static_cast<std::int64_t>(i) + 1,
                       static_cast<std::int64_t>(parts_.count())));
    }
    return {};
  }

  // Noise that is left by the sum of shares.
  std::vector<double> expected(const std::vector<bool>& wide) const {
    std::vector<double> noise = floor_;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      if (wide[i]) continue;
      for (std::size_t o = 0; o < noise.size(); ++o) noise[o] += shares_[i][o];
    }
    return noise;
  }

  bool within(const std::vector<double>& noise) const {
    for (std::size_t o = 0; o < noise.size(); ++o) {
      if (noise[o] > limits_[o]) return false;
    }
    return true;
  }

  // `wide` with all parts of a move at `value`; nothing where they are already.
  static std::optional<std::vector<bool>> moved(const std::vector<bool>& wide,
                                                const std::vector<std::size_t>& move, bool value) {
    std::vector<bool> result = wide;
    for (const std::size_t part : move) result[part] = value;
    return result == wide ? std::nullopt : std::optional(std::move(result));
  }

  // The move that removes most of the noise beyond the limits for each operation it adds.
  std::optional<std::vector<bool>> next(const std::vector<bool>& wide) const {
    const std::vector<double> noise = expected(wide);
    const double cost = parts_.cost(wide);
    std::optional<std::vector<bool>> best;
    double best_gain = -1;
    for (const std::vector<std::size_t>& move : parts_.moves()) {
      auto trial = moved(wide, move, true);
      if (!trial) continue;
      const std::vector<double> left = expected(*trial);
      double removed = 0;
      for (std::size_t o = 0; o < noise.size(); ++o) {
        // An output that is within its limit gains little by more.
        const double weight = noise[o] > limits_[o] ? 1.0 : 0.01;
        removed += weight * (noise[o] - left[o]) / limits_[o];
      }
      const double gain = removed / std::max(parts_.cost(*trial) - cost, 1.0);
      if (gain <= best_gain) continue;
      best_gain = gain;
      best = std::move(trial);
    }
    return best;
  }

  // Measures a tenth of the way at a time, and wherever the sum of shares says that it is enough.
  Result<std::vector<bool>> promote(std::vector<PrecisionTradeOff>& curve) {
    std::vector<bool> wide(parts_.count(), false);
    std::optional<std::vector<bool>> reached;
    std::size_t due = 0;
    for (;;) {
      const auto count = static_cast<std::size_t>(std::count(wide.begin(), wide.end(), true));
      if (count >= due || (!reached && within(expected(wide)))) {
        QUANT_TRY_ASSIGN(const Measured measured, measure(wide));
        curve.push_back(point(wide, measured));
        if (!reached && reaches(measured)) reached = wide;
        if (!reached) trust(measured);
        while (due <= count) due += std::max<std::size_t>(parts_.count() / 10, 1);
        due = count == parts_.count() ? due : std::min(due, parts_.count());
      }
      auto more = next(wide);
      if (!more) break;
      wide = std::move(*more);
    }
    return reached.value_or(std::move(wide));
  }

  // What is not needed goes back to 8 bits, the dearest first.
  Result<Measured> take_back(std::vector<bool>& chosen) {
    QUANT_TRY_ASSIGN(Measured now, measure(chosen));
    std::vector<bool> needed(parts_.moves().size(), false);
    for (;;) {
      trust(now);
      const double cost = parts_.cost(chosen);
      std::optional<std::vector<bool>> trial;
      double most = 0;
      std::size_t move = 0;
      for (std::size_t i = 0; i < parts_.moves().size(); ++i) {
        if (needed[i]) continue;
        auto lowered = moved(chosen, parts_.moves()[i], false);
        if (!lowered || !within(expected_of(now, chosen, *lowered))) continue;
        const double saved = cost - parts_.cost(*lowered);
        if (saved <= most) continue;
        most = saved;
        move = i;
        trial = std::move(lowered);
      }
      if (!trial) return now;
      QUANT_TRY_ASSIGN(Measured measured, measure(*trial));
      if (reaches(measured)) {
        chosen = std::move(*trial);
        now = std::move(measured);
      } else {
        needed[move] = true;
      }
    }
  }

  // What was measured of `chosen` and the shares of what is lowered beside.
  std::vector<double> expected_of(const Measured& measured, const std::vector<bool>& chosen,
                                  const std::vector<bool>& lowered) const {
    std::vector<double> noise;
    for (const auto& output : measured) noise.push_back(output ? ratio_of(output->db) : 0);
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      if (lowered[i] == chosen[i]) continue;
      for (std::size_t o = 0; o < noise.size(); ++o) noise[o] += shares_[i][o];
    }
    return noise;
  }

  std::shared_ptr<const Graph> graph_;
  const InputSpec& input_;
  const std::vector<Range>& ranges_;
  PrecisionParts parts_;
  OutputNoise judge_;
  std::vector<ValueId> given_ranges_;
  const StepProgress& progress_;
  std::int64_t done_ = 0;
  std::vector<double> wanted_db_;            // by output
  std::vector<double> limits_;               // noise over signal, pooled, by output
  std::vector<double> floor_;                // with all in 16 bits
  std::vector<std::vector<double>> shares_;  // by part, then output
};

}  // namespace

Result<PrecisionSearchResult> search_precision(const std::shared_ptr<const Graph>& graph,
                                               const InputSpec& input,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const PrecisionSearchOptions& options,
                                               const StepProgress& progress) {
  QUANT_TRY_ASSIGN(PrecisionParts parts, PrecisionParts::find(graph, input, ranges, plan));
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(graph, set, options.most_frames, options.threads));
  return PrecisionSearch(graph, input, ranges, std::move(parts), std::move(judge),
                         options.given_ranges, progress)
      .run(options.wanted_db);
}

}  // namespace quant
