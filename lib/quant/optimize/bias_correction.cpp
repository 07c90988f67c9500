// SPDX-License-Identifier: MIT
#include "quant/optimize/bias_correction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "quant/engine/float_executor.h"
#include "quant/optimize/layer_depth.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/spread_set.h"
#include "quant/optimize/variant_runs.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

// A second look finds what the first misjudged: how many values a clamp hides changes with the
// bias.
constexpr int kLooks = 2;

bool has_clamp(const Node& node) {
  return node.attributes.has("activation_min") || node.attributes.has("activation_max");
}

// Channels of a layer's output and how its elements are laid out: channel = index / inner % count.
struct Channels {
  std::size_t count;
  std::size_t inner;
};

Channels channels_of(const Node& node, const Shape& shape) {
  if (node.op == OpKind::kGemm) return {static_cast<std::size_t>(shape.back()), 1};
  return {static_cast<std::size_t>(shape[1]),
          static_cast<std::size_t>(row_major_strides(shape)[1])};
}

// visit(run, channel) for the elements of each channel that lie one after another.
template <typename Element, typename Visit>
void for_each_run(std::span<const Element> values, const Channels& channels, const Visit& visit) {
  std::size_t channel = 0;
  for (std::size_t at = 0; at < values.size(); at += channels.inner) {
    visit(values.subspan(at, channels.inner), channel);
    if (++channel == channels.count) channel = 0;
  }
}

// Scale and zero point of a channel of a layer's output.
std::pair<float, float> params_of(const QuantParams& params, std::size_t channel) {
  const std::size_t own = params.per_channel() ? channel : 0;
  return {params.scale[own], params.zero_point[own]};
}

struct Layer {
  std::size_t node;      // of the integer graph
  ValueId output;        // of the integer graph
  ValueId float_output;  // of the float graph
  Channels channels;
  std::vector<double> float_mean;
};

// Sums over the frames of one layer's integers, per channel.
struct ChannelSums {
  std::vector<std::int64_t> sum;     // of integers
  std::vector<std::int64_t> moving;  // how many lie strictly inside the clamp: those follow a bias

  ChannelSums& operator+=(const ChannelSums& other) {
    for (std::size_t c = 0; c < sum.size(); ++c) {
      sum[c] += other.sum[c];
      moving[c] += other.moving[c];
    }
    return *this;
  }
};

class BiasCorrection {
 public:
  BiasCorrection(QuantizedModel& model, std::shared_ptr<const Graph> float_graph,
                 const BiasCorrectionOptions& options, const StepProgress& progress)
      : model_(model),
        graph_(model.integer),
        float_graph_(std::move(float_graph)),
        options_(options),
        progress_(progress) {}

  Status run(CalibrationSet& set) {
    find_layers();
    QUANT_TRY(collect(set));
    QUANT_TRY_ASSIGN(
        OutputNoise judge,
        OutputNoise::create(float_graph_, set, options_.judged_frames, options_.threads));
    QUANT_TRY_ASSIGN(double least, judge.measure(model_));
    std::size_t first = 0;
    while (first < layers_.size()) {
      std::size_t last = first;
      while (last < layers_.size() && depth_of(last) == depth_of(first)) ++last;
      const std::span<Layer> group(layers_.data() + first, last - first);
      std::vector<Tensor> before;
      for (const Layer& layer : group) before.push_back(*bias_of(layer).constant);
      for (int look = 0; look < looks_of(first); ++look) QUANT_TRY(correct(group));
      QUANT_TRY_ASSIGN(const double noise, judge.measure(model_));
      if (noise < least) {
        least = noise;
      } else {
        for (std::size_t i = 0; i < group.size(); ++i) bias_of(group[i]).constant = before[i];
      }
      first = last;
    }
    return {};
  }

 private:
  Value& bias_of(const Layer& layer) const {
    return graph_.value(graph_.nodes[layer.node].inputs[2]);
  }
  // Those of a group (layers of one depth) that starts with `layer`.
  int looks_of(std::size_t layer) const {
    for (std::size_t i = layer; i < layers_.size() && depth_of(i) == depth_of(layer); ++i) {
      if (has_clamp(graph_.nodes[layers_[i].node])) return kLooks;
    }
    return 1;
  }
  int depth_of(std::size_t layer) const { return depth_[layers_[layer].node]; }

  void find_layers() {
    depth_ = layer_depths(graph_);
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      const Node& node = graph_.nodes[index];
      if (!has_weights(node)) continue;
      const Value& output = graph_.value(node.outputs[0]);
      const auto original = float_graph_->find_value(output.name);
      if (!original) continue;
      const Channels channels = channels_of(node, output.shape);
      layers_.push_back(
          {index, node.outputs[0], *original, channels, std::vector<double>(channels.count, 0.0)});
    }
    std::stable_sort(layers_.begin(), layers_.end(), [this](const Layer& a, const Layer& b) {
      return depth_[a.node] < depth_[b.node];
    });
    runs_per_frame_ = 1;
    for (std::size_t i = 0; i < layers_.size(); ++i)
      runs_per_frame_ += i == 0 || depth_of(i) != depth_of(i - 1) ? looks_of(i) : 0;
  }

  Status advance() {
    ++done_;
    const std::int64_t frames = expected_frames_ > 0 ? expected_frames_ : frames_;
    return report(progress_, done_, frames * runs_per_frame_);
  }

  // The frames, and the float means of every layer over them.
  Status collect(CalibrationSet& set) {
    SpreadSet spread(set, options_.most_frames);
    expected_frames_ = spread.count().value_or(0);
    QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(float_graph_, options_.threads));
    std::vector<ValueId> taps;
    for (const Layer& layer : layers_) taps.push_back(layer.float_output);
    QUANT_TRY(spread.rewind());
    std::vector<Tensor> tapped;
    std::vector<std::vector<Tensor>> frames;
    for (;;) {
      QUANT_TRY_ASSIGN(auto inputs, spread.next());
      if (!inputs) break;
      QUANT_TRY(executor.run_with_taps(*inputs, taps, tapped));
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        Layer& layer = layers_[i];
        const auto values = std::as_const(tapped[i]).data<float>();
        // What the range cuts off is lost on purpose: a bias shall not make up for it.
        const QuantParams& params = *graph_.value(layer.output).quant;
        const auto greatest = static_cast<float>(greatest_activation(params.type));
        for_each_run(values, layer.channels, [&](auto run, std::size_t channel) {
          const auto [scale, zero_point] = params_of(params, channel);
          const float low = (0.0F - zero_point) * scale;
          const float high = (greatest - zero_point) * scale;
          double sum = 0;
          for (const float value : run) sum += std::clamp(value, low, high);
          layer.float_mean[channel] += sum;
        });
      }
      frames.push_back(std::move(*inputs));
      ++frames_;
      QUANT_TRY(advance());
    }
    if (frames.empty()) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
    for (Layer& layer : layers_) {
      for (double& mean : layer.float_mean) mean /= elements_per_channel(layer);
    }
    runs_ = std::make_unique<VariantRuns>(std::move(frames), options_.threads);
    return {};
  }

  double elements_per_channel(const Layer& layer) const {
    return static_cast<double>(frames_) *
           static_cast<double>(element_count(graph_.value(layer.output).shape)) /
           static_cast<double>(layer.channels.count);
  }

  Status correct(std::span<Layer> layers) {
    QUANT_TRY_ASSIGN(const std::vector<ChannelSums> sums, measure(layers));
    for (std::size_t i = 0; i < layers.size(); ++i) shift(layers[i], sums[i]);
    return {};
  }

  // Runs the network as far as these layers over all frames.
  Result<std::vector<ChannelSums>> measure(std::span<const Layer> layers) {
    Graph part = graph_;
    part.outputs.clear();
    for (const Layer& layer : layers) part.outputs.push_back(layer.output);
    std::vector<ChannelSums> sums;
    for (const Layer& layer : layers) {
      sums.push_back({std::vector<std::int64_t>(layer.channels.count),
                      std::vector<std::int64_t>(layer.channels.count)});
    }
    std::vector<std::vector<ChannelSums>> by_lane(runs_->lanes(), sums);
    const auto add_frame = [&](std::size_t, std::size_t lane, std::span<const Tensor> outputs) {
      for (std::size_t i = 0; i < layers.size(); ++i) add(layers[i], outputs[i], by_lane[lane][i]);
      return Status();
    };
    QUANT_TRY(runs_->run(part, model_.input, 1, add_frame,
                         [this](std::size_t, std::size_t) { return advance(); }));
    for (const std::vector<ChannelSums>& lane : by_lane) {
      for (std::size_t i = 0; i < layers.size(); ++i) sums[i] += lane[i];
    }
    return sums;
  }

  // Lowest and highest integer that the layer can put out on a channel.
  std::pair<int, int> clamp_of(const Layer& layer, std::size_t channel) const {
    const QuantParams& params = *graph_.value(layer.output).quant;
    const auto [scale, zero_point] = params_of(params, channel);
    const Attributes& attributes = graph_.nodes[layer.node].attributes;
    const auto level = [&, scale = scale, zero_point = zero_point](const char* name,
                                                                   double otherwise) -> double {
      if (!attributes.has(name)) return otherwise;
      return attributes.number(name, 0) / scale + zero_point;
    };
    const double greatest = greatest_activation(params.type);
    const auto inside = [&](double q) {
      return static_cast<int>(std::clamp(std::nearbyint(q), 0.0, greatest));
    };
    return {inside(level("activation_min", 0)), inside(level("activation_max", greatest))};
  }

  void add(const Layer& layer, const Tensor& output, ChannelSums& sums) const {
    std::vector<std::pair<int, int>> clamps;
    for (std::size_t channel = 0; channel < layer.channels.count; ++channel)
      clamps.push_back(clamp_of(layer, channel));
    visit_activation(output, [&](auto values) {
      for_each_run(values, layer.channels, [&](auto run, std::size_t channel) {
        const auto [low, high] = clamps[channel];
        std::int64_t sum = 0;
        std::int64_t moving = 0;
        for (const int value : run) {
          sum += value;
          moving += value > low && value < high ? 1 : 0;
        }
        sums.sum[channel] += sum;
        sums.moving[channel] += moving;
      });
    });
  }

  void shift(const Layer& layer, const ChannelSums& sums) {
    // Where fewer values move, the mean says too little about the bias.
    constexpr double kLeastMoving = 0.01;
    const QuantParams& output = *graph_.value(layer.output).quant;
    Value& bias = bias_of(layer);
    const bool wide = bias.type == DataType::kInt64;
    const double largest_bias = std::ldexp(1.0, wide ? 51 : 30);
    const std::vector<float>& scales = bias.quant->scale;
    Tensor shifted = bias.constant->clone();
    const double elements = elements_per_channel(layer);
    for (std::size_t c = 0; c < layer.channels.count; ++c) {
      const double moving = static_cast<double>(sums.moving[c]) / elements;
      if (moving < kLeastMoving) continue;
      const auto [scale, zero_point] = params_of(output, c);
      const double mean = (static_cast<double>(sums.sum[c]) / elements - zero_point) * scale;
      const double step = scales[scales.size() == 1 ? 0 : c];
      const double levels = (layer.float_mean[c] - mean) / moving / step;
      const auto moved = [&](auto& entry) {
        const double level = std::nearbyint(static_cast<double>(entry) + levels);
        entry = static_cast<std::remove_reference_t<decltype(entry)>>(
            std::clamp(level, -largest_bias, largest_bias));
      };
      if (wide) {
        moved(shifted.data<std::int64_t>()[c]);
      } else {
        moved(shifted.data<std::int32_t>()[c]);
      }
    }
    bias.constant = std::move(shifted);
  }

  QuantizedModel& model_;
  Graph& graph_;
  std::shared_ptr<const Graph> float_graph_;
  BiasCorrectionOptions options_;
  const StepProgress& progress_;
  std::vector<int> depth_;     // by node
  std::vector<Layer> layers_;  // by depth
  std::int64_t frames_ = 0;
  std::unique_ptr<VariantRuns> runs_;  // of them
  std::int64_t expected_frames_ = 0;
  std::int64_t runs_per_frame_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace

Status correct_biases(QuantizedModel& model, std::shared_ptr<const Graph> float_graph,
                      CalibrationSet& set, const BiasCorrectionOptions& options,
                      const StepProgress& progress) {
  return BiasCorrection(model, std::move(float_graph), options, progress).run(set);
}

}  // namespace quant
