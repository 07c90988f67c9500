// SPDX-License-Identifier: MIT
#include "quant/optimize/hessian_rounding.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/layer_depth.h"
#include "quant/optimize/layer_inputs.h"
#include "quant/optimize/layer_moments.h"
#include "quant/optimize/layer_window.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/part_of_set.h"
#include "quant/optimize/spread_set.h"
#include "quant/optimize/variant_runs.h"
#include "quant/optimize/weight_groups.h"
#include "quant/optimize/weight_rounding.h"

namespace quant {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Every fourth frame judges, where there are enough of them.
constexpr std::int64_t kJudgingStride = 4;
constexpr std::int64_t kLeastParted = 16;

// What layers read: those that read the same in the same way have one.
struct Source {
  ValueId input = kNoValue;
  LayerWindow window;
  std::size_t reader = 0;             // place of such a layer among those of its depth
  bool with_missing = false;          // a layer may be fitted to it
  std::vector<LayerMoments> moments;  // by group
};

struct Layer {
  std::size_t node = 0;  // of the integer graph
  std::string name;
  std::vector<float> scales;  // of its weights, one per output channel
  MatrixXd targets;           // (outputs, depth), real weights in steps of their scale
  MatrixXd steps;             // of weights in groups, in the same units; else empty
  double most = 127;
  bool may_fit = false;  // the weights to what the layer reads
  std::size_t source = 0;

  Index depth() const { return targets.cols(); }
};

// What a group of a source's channels holds at some places of a frame.
struct GroupSamples {
  LayerSamples integers;
  LayerSamples reals;  // or none
};

// What a layer computes with.
struct Candidate {
  Tensor weights;
  Tensor bias;
  std::optional<Tensor> fitted;  // the real weights, where they are others than the layer had
};

template <typename Visit>
void visit_weights(Tensor& weights, const Visit& visit) {
  if (weights.type() == DataType::kInt16)
    visit(weights.data<std::int16_t>());
  else
    visit(weights.data<std::int8_t>());
}

class HessianRounding {
 public:
  HessianRounding(QuantizedModel& model, std::shared_ptr<const Graph> float_graph,
                  const LayerWeights& weights, const HessianRoundingOptions& options,
                  const StepProgress& progress)
      : model_(model),
        graph_(model.integer),
        float_graph_(std::move(float_graph)),
        weights_(weights),
        options_(options),
        progress_(progress) {}

  Result<HessianRoundingResult> run(CalibrationSet& set) {
    std::map<int, std::vector<std::size_t>> by_depth;
    const std::vector<int> depths = layer_depths(graph_);
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      if (can_round(graph_.nodes[index])) by_depth[depths[index]].push_back(index);
    }
    // What is judged by the frames that it was made of looks better than it is.
    PartOfSet learning(set, kJudgingStride, SetPart::kLearning);
    PartOfSet judging(set, kJudgingStride, SetPart::kJudging);
    const bool parted = set.count().value_or(0) >= kLeastParted;
    QUANT_TRY(collect(parted ? static_cast<CalibrationSet&>(learning) : set));
    total_ = static_cast<std::int64_t>(frames_.size() * by_depth.size());
    VariantRuns runs(frames_, options_.threads);
    QUANT_TRY_ASSIGN(
        OutputNoise judge,
        OutputNoise::create(float_graph_, parted ? static_cast<CalibrationSet&>(judging) : set,
                            options_.judged_frames, options_.threads));
    QUANT_TRY_ASSIGN(least_, judge.measure(model_));
    for (const auto& [depth, nodes] : by_depth) {
      QUANT_TRY_ASSIGN(const Depth here, watch(nodes, runs));
      for (const Layer& layer : here.layers)
        QUANT_TRY(settle(layer, here.sources[layer.source].moments, judge));
    }
    return std::move(result_);
  }

 private:
  bool can_round(const Node& node) const {
    if (node.op != OpKind::kConv && node.op != OpKind::kGemm) return false;
    const Value& weights = graph_.value(node.inputs[1]);
    if (!weights.constant || !graph_.value(node.inputs[2]).constant) return false;
    return !options_.only_4_bit || node.attributes.integer(kWeightBits, 8) == 4;
  }

  Status collect(CalibrationSet& set) {
    SpreadSet spread(set, options_.most_frames);
    QUANT_TRY(spread.rewind());
    for (;;) {
      QUANT_TRY_ASSIGN(auto inputs, spread.next());
      if (!inputs) break;
      frames_.push_back(std::move(*inputs));
    }
    if (frames_.empty()) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
    return {};
  }

  Result<Layer> make_layer(std::size_t index) const {
    const Node& node = graph_.nodes[index];
    const Value& weights = graph_.value(node.inputs[1]);
    const auto original = std::find_if(float_graph_->nodes.begin(), float_graph_->nodes.end(),
                                       [&](const Node& other) { return other.name == node.name; });
    auto source = original == float_graph_->nodes.end() ? std::nullopt
                                                        : channel_layer(*float_graph_, *original);
    if (!source) return fail(ErrorCode::kInternal, "the float graph has no such layer", node.name);
    const auto given = weights_.find(node.name);
    if (given != weights_.end()) source->weights = given->second;
    if (source->weights.shape() != weights.shape)
      return fail(ErrorCode::kInternal, "the float layer has another shape", node.name);
    Layer layer{.node = index,
                .name = node.name,
                .scales = weights.quant->scale,
                .targets = {},
                .steps = {},
                .most = weights.type == DataType::kInt16               ? 32767.0
                        : node.attributes.integer(kWeightBits, 8) == 4 ? 7.0
                                                                       : 127.0,
                .may_fit = given == weights_.end()};
    const Tensor real = weights_to_round(*source, *graph_.value(node.inputs[0]).quant);
    const auto values = real.data<float>();
    const Index outputs = weights.shape[0];
    const auto depth = static_cast<Index>(real.elements() / outputs);
    layer.scales.resize(static_cast<std::size_t>(outputs), layer.scales[0]);
    layer.targets.resize(outputs, depth);
    for (Index o = 0; o < outputs; ++o) {
      const double scale = layer.scales[static_cast<std::size_t>(o)];
      for (Index k = 0; k < depth; ++k)
        layer.targets(o, k) = values[static_cast<std::size_t>(o * depth + k)] / scale;
    }
    const std::vector<std::uint8_t> multiples = weight_multiples(graph_, node);
    if (!multiples.empty()) layer.steps.resize(outputs, depth);
    for (Index i = 0; i < layer.steps.size(); ++i)
      layer.steps(i / depth, i % depth) = multiples[static_cast<std::size_t>(i)];
    return layer;
  }

  // Layers of one depth, with the moments of what they read.
  struct Depth {
    std::vector<Layer> layers;
    std::vector<Source> sources;
  };

  Result<Depth> watch(const std::vector<std::size_t>& nodes, VariantRuns& runs) {
    Depth depth;
    QUANT_TRY_ASSIGN(LayerInputs inputs,
                     LayerInputs::create(graph_, *float_graph_, nodes, runs.lanes()));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      QUANT_TRY_ASSIGN(Layer layer, make_layer(nodes[i]));
      layer.may_fit = layer.may_fit && inputs.has_reals(i) && tells_enough(layer);
      QUANT_TRY_ASSIGN(layer.source, find_source(layer, i, depth.sources));
      depth.layers.push_back(std::move(layer));
    }
    std::vector<std::vector<GroupSamples>> seen(runs.lanes());
    const auto sample_frame = [&](std::size_t frame, std::size_t lane,
                                  const LayerInputs::Seen& tensors) -> Status {
      std::mt19937_64 random(frame);
      seen[lane].clear();
      for (const Source& source : depth.sources) sample(source, tensors, random, seen[lane]);
      return {};
    };
    const auto add_frame = [&](std::size_t, std::size_t lane) -> Status {
      auto next = seen[lane].begin();
      for (Source& source : depth.sources) {
        for (LayerMoments& moments : source.moments) {
          QUANT_TRY(moments.add(next->integers, next->reals));
          ++next;
        }
      }
      return report(progress_, ++done_, total_);
    };
    QUANT_TRY(inputs.run(runs, model_.input, frames_, sample_frame, add_frame));
    for (Source& source : depth.sources) {
      for (LayerMoments& moments : source.moments) QUANT_TRY(moments.finish());
    }
    return depth;
  }

  // Whether a regression has samples enough to find its coefficients by: a layer behind a global
  // pooling sees one place a frame.
  bool tells_enough(const Layer& layer) const {
    constexpr std::int64_t kLeastPerWeight = 4;
    const LayerWindow window(graph_, graph_.nodes[layer.node]);
    const auto samples = static_cast<std::int64_t>(frames_.size()) * window.places();
    return samples >= kLeastPerWeight * layer.depth();
  }

  // Of `layer`, the `reader`-th of its depth; a new one where it is the first that reads so.
  Result<std::size_t> find_source(const Layer& layer, std::size_t reader,
                                  std::vector<Source>& sources) const {
    const Node& node = graph_.nodes[layer.node];
    const LayerWindow window(graph_, node);
    const auto known = std::find_if(sources.begin(), sources.end(), [&](const Source& source) {
      return source.input == node.inputs[0] && source.window == window;
    });
    const auto place = static_cast<std::size_t>(known - sources.begin());
    if (known == sources.end()) {
      Source& source = sources.emplace_back(Source{node.inputs[0], window, reader, false, {}});
      for (std::int64_t group = 0; group < window.groups(); ++group) {
        QUANT_TRY_ASSIGN(LayerMoments moments, LayerMoments::create(layer.depth()));
        source.moments.push_back(std::move(moments));
      }
    }
    sources[place].with_missing = sources[place].with_missing || layer.may_fit;
    return place;
  }

  // Enough places of every frame that moments mean something, chosen at random; what each group
  // reads there, behind what is in `to`.
  void sample(const Source& source, const LayerInputs::Seen& tensors, std::mt19937_64& random,
              std::vector<GroupSamples>& to) const {
    constexpr std::int64_t kLeastSamples = 8192;
    constexpr std::int64_t kMostSamples = 16384;
    constexpr std::int64_t kSamplesPerWeight = 16;
    const LayerWindow& window = source.window;
    const Index depth = source.moments.front().depth();
    const auto frames = static_cast<std::int64_t>(frames_.size());
    const std::int64_t wanted = std::clamp(kSamplesPerWeight * depth, kLeastSamples, kMostSamples);
    std::vector<std::int64_t> places(
        static_cast<std::size_t>(std::min(window.places(), (wanted + frames - 1) / frames)));
    for (std::int64_t& place : places)
      place = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(window.places()));
    for (std::int64_t group = 0; group < window.groups(); ++group) {
      const auto read = [&](auto read_place) {
        LayerSamples rows(static_cast<Index>(places.size()), depth);
        for (std::size_t i = 0; i < places.size(); ++i)
          read_place(places[i], std::span(rows.row(static_cast<Index>(i)).data(),
                                          static_cast<std::size_t>(depth)));
        return rows;
      };
      GroupSamples& samples = to.emplace_back();
      samples.integers = read([&](std::int64_t place, std::span<float> row) {
        window.read_integers(tensors.integers(source.reader), place, group, row);
      });
      if (!source.with_missing) continue;
      samples.reals = read([&](std::int64_t place, std::span<float> row) {
        window.read_reals(tensors.reals(source.reader), place, group, row);
      });
    }
  }

  // Gives the layer what leaves the least noise at the outputs.
  Status settle(const Layer& layer, const std::vector<LayerMoments>& read, OutputNoise& judge) {
    const Node& node = graph_.nodes[layer.node];
    Value& weights = graph_.value(node.inputs[1]);
    Value& bias = graph_.value(node.inputs[2]);
    const Candidate old{*weights.constant, *bias.constant, {}};
    std::optional<Candidate> best;
    for (Candidate& candidate : candidates(layer, read, old)) {
      weights.constant = candidate.weights;
      bias.constant = candidate.bias;
      QUANT_TRY_ASSIGN(const double noise, judge.measure(model_));
      if (!(noise < least_)) continue;
      least_ = noise;
      best = std::move(candidate);
    }
    ++result_.tried;
    if (best) ++result_.kept;
    if (best && best->fitted) result_.fitted[layer.name] = std::move(*best->fitted);
    const Candidate& settled = best ? *best : old;
    weights.constant = settled.weights;
    bias.constant = settled.bias;
    return {};
  }

  // The layer's weights, and those fitted to what it reads, rounded by what it reads.
  static std::vector<Candidate> candidates(const Layer& layer,
                                           const std::vector<LayerMoments>& read,
                                           const Candidate& old) {
    const auto copy = [&] { return Candidate{old.weights.clone(), old.bias.clone(), {}}; };
    Candidate plain = copy();
    Candidate fitted = copy();
    MatrixXd targets = layer.targets;
    const auto groups = static_cast<Index>(read.size());
    const Index group_outputs = targets.rows() / groups;
    for (Index group = 0; group < groups; ++group) {
      const LayerMoments& moments = read[static_cast<std::size_t>(group)];
      Covariance covariance = moments.covariance();
      const Index first = group * group_outputs;
      const auto given = layer.targets.middleRows(first, group_outputs);
      auto rows = targets.middleRows(first, group_outputs);
      MatrixXd steps;
      if (layer.steps.size() > 0) steps = layer.steps.middleRows(first, group_outputs);
      if (layer.may_fit) rows = fit_rows(given, covariance, moments.missing());
      const RowRounding rounding(std::move(covariance));
      write(rounding.round(given, layer.most, steps), first, moments.mean(), plain);
      if (layer.may_fit)
        write(rounding.round(rows, layer.most, steps), first, moments.mean(), fitted);
    }
    std::vector<Candidate> result = {std::move(plain)};
    if (layer.may_fit) {
      fitted.fitted = real_weights(targets, layer.scales, old.weights.shape());
      result.push_back(std::move(fitted));
    }
    return result;
  }

  // Some rows of a layer's weights, the first of them being row `first`; the bias takes on what
  // that moves its channels' means by.
  static void write(const MatrixXd& rows, Index first, const VectorXd& mean, Candidate& to) {
    visit_weights(to.weights, [&](auto values) {
      for (Index o = 0; o < rows.rows(); ++o) {
        double moved = 0;
        for (Index k = 0; k < rows.cols(); ++k) {
          auto& value = values[static_cast<std::size_t>((first + o) * rows.cols() + k)];
          moved += (static_cast<double>(value) - rows(o, k)) * mean(k);
          value = static_cast<std::remove_reference_t<decltype(value)>>(rows(o, k));
        }
        move_bias(to.bias, static_cast<std::size_t>(first + o), moved);
      }
    });
  }

  static void move_bias(Tensor& bias, std::size_t channel, double levels) {
    const auto move = [&](auto& entry, double most) {
      const double level = std::nearbyint(static_cast<double>(entry) + levels);
      entry = static_cast<std::remove_reference_t<decltype(entry)>>(std::clamp(level, -most, most));
    };
    if (bias.type() == DataType::kInt64)
      move(bias.data<std::int64_t>()[channel], std::ldexp(1.0, 51));
    else
      move(bias.data<std::int32_t>()[channel], std::ldexp(1.0, 30));
  }

  static Tensor real_weights(const MatrixXd& targets, const std::vector<float>& scales,
                             const Shape& shape) {
    Tensor result(DataType::kFloat32, shape, BufferFill::kUndefined);
    const auto values = result.data<float>();
    for (Index o = 0; o < targets.rows(); ++o) {
      const double scale = scales[static_cast<std::size_t>(o)];
      for (Index k = 0; k < targets.cols(); ++k)
        values[static_cast<std::size_t>(o * targets.cols() + k)] =
            static_cast<float>(targets(o, k) * scale);
    }
    return result;
  }

  QuantizedModel& model_;
  Graph& graph_;
  std::shared_ptr<const Graph> float_graph_;
  const LayerWeights& weights_;
  const HessianRoundingOptions& options_;
  const StepProgress& progress_;
  std::vector<std::vector<Tensor>> frames_;  // the float graph's inputs
  double least_ = 0;                         // noise at the outputs
  HessianRoundingResult result_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace

Result<HessianRoundingResult> round_by_hessian(QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const LayerWeights& weights, CalibrationSet& set,
                                               const HessianRoundingOptions& options,
                                               const StepProgress& progress) {
  return HessianRounding(model, std::move(float_graph), weights, options, progress).run(set);
}

}  // namespace quant
