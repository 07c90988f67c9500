// SPDX-License-Identifier: MIT
#include "quant/optimize/hessian_rounding.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/layer_depth.h"
#include "quant/optimize/layer_inputs.h"
#include "quant/optimize/layer_moments.h"
#include "quant/optimize/layer_window.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/part_of_set.h"
#include "quant/optimize/weight_rounding.h"

namespace quant {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Every fourth frame judges, where there are enough of them.
constexpr std::int64_t kJudgingStride = 4;
constexpr std::int64_t kLeastParted = 16;

struct Layer {
  std::size_t node = 0;  // of the integer graph
  std::string name;
  std::vector<float> scales;  // of its weights, one per output channel
  MatrixXd targets;           // (outputs, depth), real weights in steps of their scale
  double most = 127;
  bool may_fit = false;  // the weights to what the layer reads
  LayerWindow window;
  std::vector<LayerMoments> moments;  // by group

  Index depth() const { return targets.cols(); }
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
    runs_ = static_cast<std::int64_t>(frames_.size() * by_depth.size());
    QUANT_TRY_ASSIGN(
        const OutputNoise judge,
        OutputNoise::create(float_graph_, parted ? static_cast<CalibrationSet&>(judging) : set,
                            options_.judged_frames, options_.threads));
    QUANT_TRY_ASSIGN(least_, judge.measure(model_));
    for (const auto& [depth, nodes] : by_depth) {
      QUANT_TRY_ASSIGN(const std::vector<Layer> layers, watch(nodes));
      for (const Layer& layer : layers) QUANT_TRY(settle(layer, judge));
    }
    return std::move(result_);
  }

 private:
  bool can_round(const Node& node) const {
    if (node.op != OpKind::kConv && node.op != OpKind::kGemm) return false;
    const Value& weights = graph_.value(node.inputs[1]);
    if (!weights.constant || !graph_.value(node.inputs[2]).constant) return false;
    return !options_.only_4_bit || node.attributes.integer("weight_bits", 8) == 4;
  }

  Status collect(CalibrationSet& set) {
    QUANT_TRY(set.rewind());
    while (static_cast<std::int64_t>(frames_.size()) < options_.most_frames) {
      QUANT_TRY_ASSIGN(auto inputs, set.next());
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
                .most = weights.type == DataType::kInt16                 ? 32767.0
                        : node.attributes.integer("weight_bits", 8) == 4 ? 7.0
                                                                         : 127.0,
                .may_fit = given == weights_.end(),
                .window = LayerWindow(graph_, node),
                .moments = {}};
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
    for (std::int64_t group = 0; group < layer.window.groups(); ++group)
      layer.moments.emplace_back(depth);
    return layer;
  }

  // The layers of one depth, with the moments of what they read.
  Result<std::vector<Layer>> watch(const std::vector<std::size_t>& nodes) {
    std::vector<Layer> layers;
    for (const std::size_t index : nodes) {
      QUANT_TRY_ASSIGN(Layer layer, make_layer(index));
      layers.push_back(std::move(layer));
    }
    QUANT_TRY_ASSIGN(LayerInputs inputs,
                     LayerInputs::create(graph_, *float_graph_, nodes, options_.threads));
    std::mt19937_64 random(1);
    for (const std::vector<Tensor>& frame : frames_) {
      QUANT_TRY(inputs.run(integer_inputs(graph_, model_.input, frame), frame));
      for (std::size_t i = 0; i < layers.size(); ++i) {
        layers[i].may_fit = layers[i].may_fit && inputs.reals(i);
        sample(layers[i], inputs.integers(i), inputs.reals(i), random);
      }
      QUANT_TRY(report(progress_, ++done_, runs_));
    }
    return layers;
  }

  // Enough places of every frame that moments mean something, chosen at random.
  void sample(Layer& layer, const Tensor& integers, const Tensor* reals,
              std::mt19937_64& random) const {
    constexpr std::int64_t kLeastSamples = 8192;
    constexpr std::int64_t kSamplesPerWeight = 16;
    const LayerWindow& window = layer.window;
    const auto frames = static_cast<std::int64_t>(frames_.size());
    const std::int64_t wanted =
        std::max<std::int64_t>(kLeastSamples, kSamplesPerWeight * layer.depth());
    std::vector<std::int64_t> places(
        static_cast<std::size_t>(std::min(window.places(), (wanted + frames - 1) / frames)));
    for (std::int64_t& place : places)
      place = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(window.places()));
    for (std::size_t first = 0; first < places.size(); first += LayerMoments::kMostSamples) {
      const std::size_t count =
          std::min<std::size_t>(LayerMoments::kMostSamples, places.size() - first);
      LayerSamples read(static_cast<Index>(count), layer.depth());
      LayerSamples real(static_cast<Index>(count), layer.depth());
      for (std::int64_t group = 0; group < window.groups(); ++group) {
        const auto row = [&](LayerSamples& samples, std::size_t i) {
          return std::span(samples.row(static_cast<Index>(i)).data(),
                           static_cast<std::size_t>(layer.depth()));
        };
        for (std::size_t i = 0; i < count; ++i) {
          window.read_integers(integers, places[first + i], group, row(read, i));
          if (layer.may_fit) window.read_reals(*reals, places[first + i], group, row(real, i));
        }
        LayerMoments& moments = layer.moments[static_cast<std::size_t>(group)];
        moments.add(read);
        if (layer.may_fit) moments.add_missing(read, real);
      }
    }
  }

  // Gives the layer what leaves the least noise at the outputs.
  Status settle(const Layer& layer, const OutputNoise& judge) {
    const Node& node = graph_.nodes[layer.node];
    Value& weights = graph_.value(node.inputs[1]);
    Value& bias = graph_.value(node.inputs[2]);
    const Candidate old{*weights.constant, *bias.constant, {}};
    std::optional<Candidate> best;
    for (const bool fit : {false, true}) {
      if (fit && !layer.may_fit) continue;
      Candidate candidate = rounded(layer, old, fit);
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

  // Integers by what the layer reads; the bias takes on what that moves its channels' means by.
  static Candidate rounded(const Layer& layer, const Candidate& old, bool fit) {
    Candidate result{old.weights.clone(), old.bias.clone(), {}};
    const auto groups = static_cast<Index>(layer.moments.size());
    const Index group_outputs = layer.targets.rows() / groups;
    MatrixXd targets = layer.targets;
    for (Index group = 0; group < groups; ++group) {
      const LayerMoments& moments = layer.moments[static_cast<std::size_t>(group)];
      const MatrixXd covariance = moments.covariance();
      auto rows = targets.middleRows(group * group_outputs, group_outputs);
      if (fit) rows = fit_rows(rows, covariance, moments.missing());
      write(round_rows(rows, covariance, layer.most), group * group_outputs, moments.mean(),
            result);
    }
    if (fit) result.fitted = real_weights(targets, layer.scales, old.weights.shape());
    return result;
  }

  // Some rows of a layer's weights, the first of them being row `first`.
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
  std::int64_t runs_ = 0;
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
