// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/optimize/headroom.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/plan_precision.h"

namespace quant {
namespace {

using Ratios = std::vector<std::optional<double>>;

// One thing that can have 16 bits: the activations that a layer puts out, or its weights.
struct Part {
  std::size_t node;
  bool weights;
  double cost = 0;            // bit operations that 16 bits add, the rest being at 8
  std::vector<double> noise;  // over signal, by output, when it alone has 8 bits
};

double snr_db(double ratio) {
  constexpr double kExact = 1e-15;
  return -10 * std::log10(std::max(ratio, kExact));
}

class PrecisionSearch {
 public:
  PrecisionSearch(std::shared_ptr<const Graph> graph, const InputSpec& input,
                  const std::vector<Range>& ranges, const QuantizationPlan& plan,
                  std::vector<bool> host, OutputNoise judge, std::vector<ValueId> given_ranges)
      : graph_(std::move(graph)),
        input_(input),
        ranges_(ranges),
        plan_(plan),
        host_(std::move(host)),
        judge_(std::move(judge)),
        given_ranges_(std::move(given_ranges)),
        multiplications_(multiplications(*graph_)),
        readers_(consumers(*graph_)) {
    if (plan_.layers.empty()) plan_.layers.resize(graph_->nodes.size());
  }

  Result<PrecisionSearchResult> run(const std::vector<double>& wanted_db,
                                    const StepProgress& progress) {
    QUANT_TRY(find_parts());
    std::vector<bool> wide(parts_.size(), true);
    QUANT_TRY_ASSIGN(const Ratios best, measure(wide));
    QUANT_TRY(set_limits(wanted_db, best));
    const auto steps = static_cast<std::int64_t>(parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      wide[i] = false;
      QUANT_TRY_ASSIGN(const Ratios ratios, measure(wide));
      for (std::size_t o = 0; o < ratios.size(); ++o)
        parts_[i].noise.push_back(std::max(ratios[o].value_or(0) - best[o].value_or(0), 0.0));
      wide[i] = true;
      QUANT_TRY(report(progress, static_cast<std::int64_t>(i) + 1, steps));
    }
    PrecisionSearchResult result;
    QUANT_TRY_ASSIGN(std::vector<bool> chosen, promote(result.curve));
    QUANT_TRY(take_back(chosen));
    QUANT_TRY_ASSIGN(result.reached, point(chosen));
    result.plan = plan_of(chosen);
    return result;
  }

 private:
  // Layers that only pass activations on follow their maker.
  bool makes_activations(std::size_t node) const {
    return !host_[node] && !passes_precision(*graph_, graph_->nodes[node]);
  }

  Status find_parts() {
    // What a fused activation or a table swallows has no integers of its own.
    QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph_, input_, ranges_, plan_));
    const auto has_integers = [&](std::size_t node) {
      const std::string& name = graph_->value(graph_->nodes[node].outputs[0]).name;
      return model.integer.find_value(name).has_value();
    };
    for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
      if (!makes_activations(node)) continue;
      const PrecisionMode& mode = plan_.layers[node].precision;
      if (mode.output_bits == 8 && has_integers(node))
        parts_.push_back({node, false, reading_cost(node), {}});
      if (mode.weight_bits != 16 && channel_layer(*graph_, graph_->nodes[node]))
        parts_.push_back({node, true, multiplications_[node] * 8 * (16 - mode.weight_bits), {}});
    }
    return {};
  }

  // What it adds to the readers of a layer's output to read 16 bits.
  double reading_cost(std::size_t node) const {
    double cost = 0;
    std::vector<ValueId> open(graph_->nodes[node].outputs);
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      if (id == kNoValue) continue;
      for (const std::size_t reader : readers_[static_cast<std::size_t>(id)]) {
        if (host_[reader]) continue;
        const Node& next = graph_->nodes[reader];
        if (passes_precision(*graph_, next))
          open.insert(open.end(), next.outputs.begin(), next.outputs.end());
        cost += multiplications_[reader] * 8 * plan_.layers[reader].precision.weight_bits;
        // Something, for work that is no multiplication: one operation an element.
        cost += static_cast<double>(element_count(graph_->value(id).shape)) * 8;
      }
    }
    return cost;
  }

  // The layers' modes when the parts in `wide` have 16 bits: readers read what is put out, and what
  // passes activations on puts out 16 bits where any of them has.
  QuantizationPlan plan_of(const std::vector<bool>& wide) const {
    QuantizationPlan plan = plan_;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      PrecisionMode& mode = plan.layers[parts_[i].node].precision;
      if (!wide[i]) continue;
      (parts_[i].weights ? mode.weight_bits : mode.output_bits) = 16;
    }
    std::vector<int> bits(graph_->values.size(), 8);
    for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
      const Node& layer = graph_->nodes[node];
      PrecisionMode& mode = plan.layers[node].precision;
      const std::vector<ValueId> inputs = activation_inputs(*graph_, layer);
      const bool reads_wide = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) {
        return bits[static_cast<std::size_t>(id)] == 16;
      });
      if (!host_[node]) {
        mode.input_bits = reads_wide ? 16 : 8;
        if (passes_precision(*graph_, layer)) mode.output_bits = mode.input_bits;
      }
      for (const ValueId id : layer.outputs) {
        if (id != kNoValue) bits[static_cast<std::size_t>(id)] = mode.output_bits;
      }
    }
    return plan;
  }

  double bit_operations(const QuantizationPlan& plan) const {
    double sum = 0;
    for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
      const PrecisionMode& mode = plan.layers[node].precision;
      const int other =
          channel_layer(*graph_, graph_->nodes[node]) ? mode.weight_bits : mode.input_bits;
      sum += multiplications_[node] * mode.input_bits * other;
    }
    return sum;
  }

  Result<Ratios> measure(const std::vector<bool>& wide) const {
    const QuantizationPlan plan = plan_of(wide);
    QUANT_TRY_ASSIGN(
        const QuantizedModel model,
        lower(*graph_, input_, ranges_with_headroom(*graph_, plan, given_ranges_, ranges_), plan));
    return judge_.ratios(model);
  }

  Result<PrecisionTradeOff> point(const std::vector<bool>& wide) const {
    QUANT_TRY_ASSIGN(const Ratios ratios, measure(wide));
    PrecisionTradeOff result{bit_operations(plan_of(wide)), {}};
    for (const auto& ratio : ratios)
      result.snr_db.push_back(ratio ? std::optional(snr_db(*ratio)) : std::nullopt);
    return result;
  }

  Status set_limits(const std::vector<double>& wanted_db, const Ratios& best) {
    if (wanted_db.size() != 1 && wanted_db.size() != best.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} wanted ratios for {} outputs", wanted_db.size(), best.size()));
    }
    for (std::size_t o = 0; o < best.size(); ++o) {
      const double wanted = wanted_db[wanted_db.size() == 1 ? 0 : o];
      limits_.push_back(std::pow(10.0, -wanted / 10));
      if (!best[o] || *best[o] <= limits_[o]) continue;
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("{:.1f} dB are wanted and all layers in 16 bits reach {:.1f}", wanted,
                              snr_db(*best[o])),
                  graph_->value(graph_->outputs[o]).name);
    }
    floor_ = best;
    return {};
  }

  bool within(const Ratios& ratios) const {
    for (std::size_t o = 0; o < ratios.size(); ++o) {
      if (ratios[o] && *ratios[o] > limits_[o]) return false;
    }
    return true;
  }

  // Noise that is left by the sum of shares, over what is allowed, at the worst output.
  std::vector<double> expected(const std::vector<bool>& wide) const {
    std::vector<double> noise;
    for (const auto& ratio : floor_) noise.push_back(ratio.value_or(0));
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (wide[i]) continue;
      for (std::size_t o = 0; o < noise.size(); ++o) noise[o] += parts_[i].noise[o];
    }
    return noise;
  }

  // The part whose 16 bits remove most of the noise beyond the limits for each operation they add.
  std::optional<std::size_t> next_part(const std::vector<bool>& wide) const {
    const std::vector<double> noise = expected(wide);
    std::optional<std::size_t> best;
    double best_gain = -1;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (wide[i]) continue;
      double removed = 0;
      for (std::size_t o = 0; o < noise.size(); ++o) {
        // An output that is within its limit gains little by more.
        const double weight = noise[o] > limits_[o] ? 1.0 : 0.01;
        removed += weight * parts_[i].noise[o] / limits_[o];
      }
      const double gain = removed / std::max(parts_[i].cost, 1.0);
      if (gain > best_gain) {
        best_gain = gain;
        best = i;
      }
    }
    return best;
  }

  Result<std::vector<bool>> promote(std::vector<PrecisionTradeOff>& curve) {
    // Beside every tenth of the way, the curve has the points that were measured to decide.
    std::vector<bool> wide(parts_.size(), false);
    QUANT_TRY_ASSIGN(PrecisionTradeOff first, point(wide));
    curve.push_back(std::move(first));
    std::optional<std::vector<bool>> reached;
    const std::size_t stride = std::max<std::size_t>(parts_.size() / 10, 1);
    for (std::size_t count = 1; count <= parts_.size(); ++count) {
      const auto part = next_part(wide);
      if (!part) break;
      wide[*part] = true;
      const bool expect = !reached && all_expected_within(wide);
      if (!expect && count % stride != 0 && count != parts_.size()) continue;
      QUANT_TRY_ASSIGN(PrecisionTradeOff measured, point(wide));
      if (!reached && reaches(measured)) reached = wide;
      curve.push_back(std::move(measured));
    }
    if (!reached) reached = std::vector<bool>(parts_.size(), true);
    return std::move(*reached);
  }

  bool all_expected_within(const std::vector<bool>& wide) const {
    const std::vector<double> noise = expected(wide);
    for (std::size_t o = 0; o < noise.size(); ++o) {
      if (noise[o] > limits_[o]) return false;
    }
    return true;
  }

  bool reaches(const PrecisionTradeOff& measured) const {
    for (std::size_t o = 0; o < measured.snr_db.size(); ++o) {
      if (measured.snr_db[o] && *measured.snr_db[o] < snr_db(limits_[o])) return false;
    }
    return true;
  }

  // The dearest first: what is not needed goes back to 8 bits.
  Status take_back(std::vector<bool>& chosen) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (chosen[i]) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return parts_[a].cost > parts_[b].cost;
    });
    for (const std::size_t i : order) {
      chosen[i] = false;
      // Measured only where the shares say that it may do.
      bool possible = true;
      for (std::size_t o = 0; o < limits_.size(); ++o)
        possible = possible && parts_[i].noise[o] < limits_[o] / 2;
      if (possible) {
        QUANT_TRY_ASSIGN(const Ratios ratios, measure(chosen));
        if (within(ratios)) continue;
      }
      chosen[i] = true;
    }
    return {};
  }

  std::shared_ptr<const Graph> graph_;
  const InputSpec& input_;
  const std::vector<Range>& ranges_;
  QuantizationPlan plan_;
  std::vector<bool> host_;
  OutputNoise judge_;
  std::vector<ValueId> given_ranges_;
  std::vector<double> multiplications_;
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<Part> parts_;
  std::vector<double> limits_;  // noise over signal, by output
  Ratios floor_;                // with all in 16 bits
};

}  // namespace

std::vector<double> multiplications(const Graph& graph) {
  std::vector<double> result(graph.nodes.size(), 0.0);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    const auto outputs = static_cast<double>(element_count(graph.value(node.outputs[0]).shape));
    if (const auto layer = channel_layer(graph, node)) {
      const Shape& weights = layer->weights.shape();
      if (layer->op == OpKind::kConvTranspose) {
        const double inputs = static_cast<double>(element_count(graph.value(layer->input).shape));
        result[index] = inputs * static_cast<double>(weights[1] * weights[2] * weights[3]);
      } else {
        result[index] = outputs * static_cast<double>(layer->weights.elements()) /
                        static_cast<double>(weights[0]);
      }
    } else if (node.op == OpKind::kMatMul) {
      result[index] = outputs * static_cast<double>(graph.value(node.inputs[0]).shape.back());
    }
  }
  return result;
}

Result<PrecisionSearchResult> search_precision(std::shared_ptr<const Graph> graph,
                                               const InputSpec& input,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const PrecisionSearchOptions& options,
                                               const StepProgress& progress) {
  QUANT_TRY_ASSIGN(std::vector<bool> host, partition(*graph));
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(graph, set, options.most_frames, options.threads));
  return PrecisionSearch(graph, input, ranges, plan, std::move(host), std::move(judge),
                         options.given_ranges)
      .run(options.wanted_db, progress);
}

}  // namespace quant
