// SPDX-License-Identifier: MIT
#include "quant/optimize/hessian_rounding.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "quant/engine/integer_executor.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/layer_depth.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/part_of_set.h"
#include "quant/optimize/weight_rounding.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// What a group of output channels of a layer is multiplied with.
struct Moments {
  MatrixXd second;  // Σ x·xᵀ, lower half
  VectorXd first;   // Σ x
  double count = 0;

  void add(const RowMajor& samples) {
    // Integers below 256, at most kChunk of them: float32 is exact.
    RowMajor product = RowMajor::Zero(samples.cols(), samples.cols());
    product.selfadjointView<Eigen::Lower>().rankUpdate(samples.transpose());
    second.triangularView<Eigen::Lower>() += product.cast<double>();
    first += samples.cast<double>().colwise().sum().transpose();
    count += static_cast<double>(samples.rows());
  }
  VectorXd mean() const { return first / count; }
  MatrixXd covariance() const {
    const MatrixXd whole = second.selfadjointView<Eigen::Lower>();
    return whole / count - mean() * mean().transpose();
  }
};
constexpr std::int64_t kChunk = 256;

// Every fourth frame judges, where there are enough of them.
constexpr std::int64_t kJudgingStride = 4;
constexpr std::int64_t kLeastParted = 16;

struct Layer {
  std::size_t node = 0;   // of the integer graph
  std::size_t input = 0;  // place among the inputs of its depth
  MatrixXd targets;       // (outputs, depth), real weights in steps of their scale
  std::int64_t groups = 1;
  double most = 127;
  std::vector<Moments> moments;  // by group

  Index depth() const { return targets.cols(); }
};

// Reads what a layer with weights sees at one place of its output.
class Window {
 public:
  Window(const Graph& graph, const Node& node, const Tensor& integers, std::int64_t groups)
      : gemm_(node.op == OpKind::kGemm), integers_(integers) {
    const QuantParams& params = *graph.value(node.inputs[0]).quant;
    for (const float zero : params.zero_point) zero_.push_back(std::nearbyint(zero));
    in_ = integers.shape();
    if (gemm_) {
      places_ = integers.elements() / in_.back();
      return;
    }
    const Shape& out = graph.value(node.outputs[0]).shape;
    const Shape& weights = graph.value(node.inputs[1]).shape;
    columns_ = out[3];
    places_ = out[2] * out[3];
    kernel_ = {weights[2], weights[3]};
    strides_ = node.attributes.integers("strides", {1, 1});
    dilations_ = node.attributes.integers("dilations", {1, 1});
    pads_ = node.attributes.integers("pads", {0, 0, 0, 0});
    group_inputs_ = in_[1] / groups;
  }

  std::int64_t places() const { return places_; }

  void read(std::int64_t place, std::int64_t group, std::span<float> to) const {
    visit_activation(integers_, [&](auto values) {
      if (gemm_) {
        const auto row = values.subspan(static_cast<std::size_t>(place) * to.size(), to.size());
        for (std::size_t k = 0; k < to.size(); ++k) to[k] = static_cast<float>(row[k]) - zero_[0];
      } else {
        read_patch(values, place, group, to);
      }
    });
  }

 private:
  template <typename Values>
  void read_patch(Values values, std::int64_t place, std::int64_t group,
                  std::span<float> to) const {
    const std::int64_t top = place / columns_ * strides_[0] - pads_[0];
    const std::int64_t left = place % columns_ * strides_[1] - pads_[1];
    auto next = to.begin();
    for (std::int64_t c = group * group_inputs_; c < (group + 1) * group_inputs_; ++c) {
      const float zero = zero_[zero_.size() == 1 ? 0 : static_cast<std::size_t>(c)];
      for (std::int64_t i = 0; i < kernel_[0]; ++i) {
        const std::int64_t y = top + i * dilations_[0];
        for (std::int64_t j = 0; j < kernel_[1]; ++j) {
          const std::int64_t x = left + j * dilations_[1];
          const bool inside = y >= 0 && y < in_[2] && x >= 0 && x < in_[3];
          *next++ = inside ? static_cast<float>(
                                 values[static_cast<std::size_t>((c * in_[2] + y) * in_[3] + x)]) -
                                 zero
                           : 0.0F;
        }
      }
    }
  }

  bool gemm_;
  const Tensor& integers_;
  std::vector<float> zero_;
  Shape in_;
  std::int64_t places_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t group_inputs_ = 0;
  std::vector<std::int64_t> kernel_;
  std::vector<std::int64_t> strides_;
  std::vector<std::int64_t> dilations_;
  std::vector<std::int64_t> pads_;
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
                  const std::map<std::string, Tensor>& weights,
                  const HessianRoundingOptions& options, const StepProgress& progress)
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
    QUANT_TRY_ASSIGN(double least, judge.measure(model_));
    HessianRoundingResult result;
    for (const auto& [depth, nodes] : by_depth) {
      QUANT_TRY_ASSIGN(const std::vector<Layer> layers, watch(nodes));
      for (const Layer& layer : layers) {
        Value& weights = graph_.value(graph_.nodes[layer.node].inputs[1]);
        Value& bias = graph_.value(graph_.nodes[layer.node].inputs[2]);
        const Tensor old_weights = *weights.constant;
        const Tensor old_bias = *bias.constant;
        round(layer, weights, bias);
        QUANT_TRY_ASSIGN(const double noise, judge.measure(model_));
        ++result.tried;
        if (noise < least) {
          least = noise;
          ++result.kept;
        } else {
          weights.constant = old_weights;
          bias.constant = old_bias;
        }
      }
    }
    return result;
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
      QUANT_TRY_ASSIGN(const auto inputs, set.next());
      if (!inputs) break;
      frames_.push_back(integer_inputs(graph_, model_.input, *inputs));
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
    Layer layer;
    layer.node = index;
    layer.groups = node.attributes.integer("group", 1);
    layer.most = weights.type == DataType::kInt16                 ? 32767
                 : node.attributes.integer("weight_bits", 8) == 4 ? 7
                                                                  : 127;
    const Tensor real = weights_to_round(*source, *graph_.value(node.inputs[0]).quant);
    const auto values = real.data<float>();
    const Index outputs = weights.shape[0];
    const auto depth = static_cast<Index>(real.elements() / outputs);
    layer.targets.resize(outputs, depth);
    const std::vector<float>& scales = weights.quant->scale;
    for (Index o = 0; o < outputs; ++o) {
      const double scale = scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(o)];
      for (Index k = 0; k < depth; ++k)
        layer.targets(o, k) = values[static_cast<std::size_t>(o * depth + k)] / scale;
    }
    for (std::int64_t group = 0; group < layer.groups; ++group)
      layer.moments.push_back({MatrixXd::Zero(depth, depth), VectorXd::Zero(depth), 0});
    return layer;
  }

  // The layers of one depth, with the moments of what they read.
  Result<std::vector<Layer>> watch(const std::vector<std::size_t>& nodes) {
    auto part = std::make_shared<Graph>(graph_);
    part->outputs.clear();
    std::vector<Layer> layers;
    for (const std::size_t index : nodes) {
      QUANT_TRY_ASSIGN(Layer layer, make_layer(index));
      const ValueId input = graph_.nodes[index].inputs[0];
      const auto known = std::find(part->outputs.begin(), part->outputs.end(), input);
      layer.input = static_cast<std::size_t>(known - part->outputs.begin());
      if (known == part->outputs.end()) part->outputs.push_back(input);
      layers.push_back(std::move(layer));
    }
    // An input is no output of a network: it is read as it comes.
    const auto place_of = [&](ValueId id) {
      return std::find(graph_.inputs.begin(), graph_.inputs.end(), id) - graph_.inputs.begin();
    };
    const auto is_input = [&](ValueId id) {
      return place_of(id) < static_cast<std::ptrdiff_t>(graph_.inputs.size());
    };
    const std::vector<ValueId> inputs = part->outputs;
    std::erase_if(part->outputs, is_input);
    remove_unused(*part);
    std::optional<IntegerExecutor> executor;
    std::vector<Tensor> outputs;
    if (!part->outputs.empty()) {
      QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
      QUANT_TRY_ASSIGN(auto plan, IntegerPlan::create(part, {isa, {}}));
      executor.emplace(std::move(plan), options_.threads);
      outputs = executor->make_outputs();
    }
    std::mt19937_64 random(1);
    for (const std::vector<Tensor>& frame : frames_) {
      if (executor) QUANT_TRY(executor->run(frame, outputs));
      std::size_t next = 0;
      std::vector<Tensor> read;
      for (const ValueId id : inputs)
        read.push_back(is_input(id) ? planar(frame[static_cast<std::size_t>(place_of(id))])
                                    : outputs[next++]);
      for (Layer& layer : layers) sample(layer, read[layer.input], random);
      QUANT_TRY(report(progress_, ++done_, runs_));
    }
    return layers;
  }

  // Feature maps (N, H, W, C) as (N, C, H, W); other tensors as they are.
  static Tensor planar(const Tensor& input) {
    const Shape& shape = input.shape();
    if (shape.size() != 4) return input;
    Tensor result(input.type(), {shape[0], shape[3], shape[1], shape[2]}, BufferFill::kUndefined);
    const auto channels = static_cast<std::size_t>(shape[3]);
    const auto area = static_cast<std::size_t>(shape[1] * shape[2]);
    visit_activation(input, [&](auto from) {
      const auto to = result.data<std::remove_cv_t<typename decltype(from)::element_type>>();
      for (std::size_t i = 0; i < from.size(); ++i) {
        const std::size_t image = i / (area * channels);
        to[(image * channels + i % channels) * area + i / channels % area] = from[i];
      }
    });
    return result;
  }

  // Enough places of every frame that moments mean something, chosen at random.
  void sample(Layer& layer, const Tensor& integers, std::mt19937_64& random) const {
    constexpr std::int64_t kLeastSamples = 8192;
    constexpr std::int64_t kSamplesPerWeight = 4;
    const Window window(graph_, graph_.nodes[layer.node], integers, layer.groups);
    const auto frames = static_cast<std::int64_t>(frames_.size());
    const std::int64_t wanted =
        std::max<std::int64_t>(kLeastSamples, kSamplesPerWeight * layer.depth());
    std::vector<std::int64_t> places(
        static_cast<std::size_t>(std::min(window.places(), (wanted + frames - 1) / frames)));
    for (std::int64_t& place : places)
      place = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(window.places()));
    for (std::size_t first = 0; first < places.size(); first += kChunk) {
      const std::size_t count = std::min<std::size_t>(kChunk, places.size() - first);
      RowMajor samples(static_cast<Index>(count), layer.depth());
      for (std::int64_t group = 0; group < layer.groups; ++group) {
        for (std::size_t i = 0; i < count; ++i) {
          window.read(places[first + i], group,
                      std::span(samples.row(static_cast<Index>(i)).data(),
                                static_cast<std::size_t>(layer.depth())));
        }
        layer.moments[static_cast<std::size_t>(group)].add(samples);
      }
    }
  }

  // Integers by what the layer reads; the bias takes on what that moves its channels' means by.
  static void round(const Layer& layer, Value& weights, Value& bias) {
    const Index outputs = layer.targets.rows();
    const Index group_outputs = outputs / layer.groups;
    Tensor integers = weights.constant->clone();
    Tensor shifted = bias.constant->clone();
    for (std::int64_t group = 0; group < layer.groups; ++group) {
      const Moments& moments = layer.moments[static_cast<std::size_t>(group)];
      const Index first = group * group_outputs;
      const MatrixXd rounded = round_rows(layer.targets.middleRows(first, group_outputs),
                                          moments.covariance(), layer.most);
      const VectorXd mean = moments.mean();
      visit_weights(integers, [&](auto values) {
        for (Index o = 0; o < group_outputs; ++o) {
          double moved = 0;
          for (Index k = 0; k < layer.depth(); ++k) {
            auto& value = values[static_cast<std::size_t>((first + o) * layer.depth() + k)];
            moved += (static_cast<double>(value) - rounded(o, k)) * mean(k);
            value = static_cast<std::remove_reference_t<decltype(value)>>(rounded(o, k));
          }
          move_bias(shifted, static_cast<std::size_t>(first + o), moved);
        }
      });
    }
    weights.constant = std::move(integers);
    bias.constant = std::move(shifted);
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

  QuantizedModel& model_;
  Graph& graph_;
  std::shared_ptr<const Graph> float_graph_;
  const std::map<std::string, Tensor>& weights_;
  const HessianRoundingOptions& options_;
  const StepProgress& progress_;
  std::vector<std::vector<Tensor>> frames_;  // the integer graph's inputs
  std::int64_t runs_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace

Result<HessianRoundingResult> round_by_hessian(QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::map<std::string, Tensor>& weights,
                                               CalibrationSet& set,
                                               const HessianRoundingOptions& options,
                                               const StepProgress& progress) {
  return HessianRounding(model, std::move(float_graph), weights, options, progress).run(set);
}

}  // namespace quant
