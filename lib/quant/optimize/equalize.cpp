// SPDX-License-Identifier: MIT
#include "quant/optimize/equalize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "quant/engine/float_executor.h"
#include "quant/optimize/own_constant.h"

namespace quant {
namespace {

struct Pair : EqualizablePath {
  explicit Pair(EqualizablePath path) : EqualizablePath(std::move(path)) {}
  std::vector<double> peak;    // largest |x| of each channel
  std::vector<double> energy;  // mean x² of each channel
};

// f(s·x) = s·f(x) for every s > 0, channel by channel, with one input and output.
bool commutes_with_scale(const Node& node) {
  switch (node.op) {
    case OpKind::kRelu:
    case OpKind::kLeakyRelu:
    case OpKind::kPRelu:
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
    case OpKind::kIdentity:
      return true;
    default:
      return false;
  }
}

bool is_plain_convolution(const Graph& graph, const Node& node) {
  return node.op == OpKind::kConv && graph.value(node.inputs[0]).shape.size() == 4 &&
         graph.value(node.inputs[1]).constant.has_value() &&
         (node.inputs.size() < 3 || node.inputs[2] == kNoValue ||
          graph.value(node.inputs[2]).constant.has_value());
}

bool is_output(const Graph& graph, ValueId id) {
  return std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
}

void add_frame(std::span<const float> values, bool is_read, Pair& pair) {
  const std::size_t area = values.size() / pair.peak.size();
  for (std::size_t c = 0; c < pair.peak.size(); ++c) {
    double energy = 0;
    for (const float value : values.subspan(c * area, area)) {
      pair.peak[c] = std::max(pair.peak[c], std::abs(static_cast<double>(value)));
      energy += static_cast<double>(value) * value;
    }
    if (is_read) pair.energy[c] += energy / static_cast<double>(area);
  }
}

Status measure(const Graph& graph, CalibrationSet& set, int threads, std::vector<Pair>& pairs,
               const StepProgress& progress) {
  QUANT_TRY_ASSIGN(FloatExecutor executor,
                   FloatExecutor::create(std::make_shared<const Graph>(graph), threads));
  std::vector<ValueId> taps;
  for (Pair& pair : pairs) {
    taps.insert(taps.end(), pair.quantized.begin(), pair.quantized.end());
    const auto channels = static_cast<std::size_t>(graph.value(pair.activation).shape[1]);
    pair.peak.assign(channels, 0.0);
    pair.energy.assign(channels, 0.0);
  }
  QUANT_TRY(set.rewind());
  std::int64_t frames = 0;
  std::vector<Tensor> tapped;
  for (;;) {
    QUANT_TRY_ASSIGN(const auto frame, set.next());
    if (!frame) break;
    QUANT_TRY(executor.run_with_taps(*frame, taps, tapped));
    std::size_t tap = 0;
    for (Pair& pair : pairs) {
      for (const ValueId id : pair.quantized) {
        const auto values = std::as_const(tapped[tap++]).data<float>();
        add_frame(values, id == pair.activation, pair);
      }
    }
    ++frames;
    QUANT_TRY(report(progress, frames, set.count().value_or(0)));
  }
  if (frames == 0) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
  for (Pair& pair : pairs) {
    for (double& energy : pair.energy) energy /= static_cast<double>(frames);
  }
  return {};
}

// One reader's weights (O, I/g, kh, kw) as the noise estimate sees them.
class ReaderWeights {
 public:
  ReaderWeights(const Tensor& weights, std::int64_t groups) {
    const auto data = weights.data<float>();
    const Shape& shape = weights.shape();
    outputs_ = static_cast<std::size_t>(shape[0]);
    inputs_ = static_cast<std::size_t>(shape[1]);
    group_outputs_ = outputs_ / static_cast<std::size_t>(groups);
    kernel_ = static_cast<std::size_t>(shape[2] * shape[3]);
    for (std::size_t o = 0; o < outputs_; ++o) {
      for (std::size_t i = 0; i < inputs_; ++i) {
        double peak = 0;
        double energy = 0;
        for (const float w : data.subspan((o * inputs_ + i) * kernel_, kernel_)) {
          peak = std::max(peak, std::abs(static_cast<double>(w)));
          energy += static_cast<double>(w) * w;
        }
        peak_.push_back(peak);
        energy_.push_back(energy);
      }
    }
  }

  // Expected energy of noise at this reader's outputs, per pixel, when channel c of its input was
  // divided by scale[c].
  double noise(const Pair& pair, std::span<const double> scale) const {
    constexpr double kActivationLevels = 255;
    constexpr double kWeightLevels = 127;
    double peak = 0;
    for (std::size_t c = 0; c < scale.size(); ++c) peak = std::max(peak, pair.peak[c] / scale[c]);
    const double activation_step = peak / kActivationLevels;
    double total = 0;
    for (std::size_t o = 0; o < outputs_; ++o) {
      const std::size_t first = o / group_outputs_ * inputs_;
      double weight_peak = 0;
      double through_weights = 0;
      double through_activation = 0;
      for (std::size_t i = 0; i < inputs_; ++i) {
        const double s = scale[first + i];
        weight_peak = std::max(weight_peak, peak_[o * inputs_ + i] * s);
        through_weights += energy_[o * inputs_ + i] * s * s;
        through_activation += pair.energy[first + i] / (s * s);
      }
      const double weight_step = weight_peak / kWeightLevels;
      total += (activation_step * activation_step * through_weights +
                weight_step * weight_step * static_cast<double>(kernel_) * through_activation) /
               12;
    }
    return total;
  }

  // Largest weight on each input channel.
  void add_peaks(std::vector<double>& peaks) const {
    for (std::size_t o = 0; o < outputs_; ++o) {
      const std::size_t first = o / group_outputs_ * inputs_;
      for (std::size_t i = 0; i < inputs_; ++i)
        peaks[first + i] = std::max(peaks[first + i], peak_[o * inputs_ + i]);
    }
  }

 private:
  std::size_t outputs_ = 0;
  std::size_t inputs_ = 0;
  std::size_t group_outputs_ = 0;
  std::size_t kernel_ = 0;
  std::vector<double> peak_;    // by output, then input of the group
  std::vector<double> energy_;  // likewise
};

// scale[c] = peak[c]^a / weight[c]^(1−a) over a in steps from 0 to 1, and the identity; the one of
// least noise. Empty where the identity is best.
std::vector<double> best_scale(const Pair& pair, const std::vector<ReaderWeights>& readers) {
  constexpr int kSteps = 20;
  constexpr double kLargest = 64;  // a channel that hardly ever speaks is not blown up without end
  const std::size_t channels = pair.peak.size();
  const double largest_peak = *std::max_element(pair.peak.begin(), pair.peak.end());
  std::vector<double> weight(channels, 0.0);
  for (const ReaderWeights& reader : readers) reader.add_peaks(weight);
  const double largest_weight = *std::max_element(weight.begin(), weight.end());
  if (largest_peak <= 0 || largest_weight <= 0) return {};
  const auto noise = [&](std::span<const double> scale) {
    double total = 0;
    for (const ReaderWeights& reader : readers) total += reader.noise(pair, scale);
    return total;
  };
  std::vector<double> scale(channels, 1.0);
  double least = noise(scale);
  std::vector<double> best;
  for (int step = 0; step <= kSteps; ++step) {
    const double a = static_cast<double>(step) / kSteps;
    for (std::size_t c = 0; c < channels; ++c) {
      const double p = std::max(pair.peak[c] / largest_peak, 1 / kLargest);
      const double w = std::max(weight[c] / largest_weight, 1 / kLargest);
      scale[c] = std::clamp(std::pow(p, a) / std::pow(w, 1 - a), 1 / kLargest, kLargest);
    }
    const double estimate = noise(scale);
    if (estimate < least) {
      least = estimate;
      best = scale;
    }
  }
  return best;
}

void divide_outputs(Graph& graph, Node& node, std::span<const double> scale) {
  const auto divide = [&](Tensor& tensor) {
    const auto data = tensor.data<float>();
    const std::size_t each = data.size() / scale.size();
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<float>(data[i] / scale[i / each]);
  };
  divide(own_constant(graph, node, 1));
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    Tensor& bias = own_constant(graph, node, 2);
    divide(bias);
  }
}

void multiply_inputs(Graph& graph, Node& node, std::span<const double> scale) {
  Tensor& weights = own_constant(graph, node, 1);
  const Shape& shape = weights.shape();
  const auto inputs = static_cast<std::size_t>(shape[1]);
  const auto kernel = static_cast<std::size_t>(shape[2] * shape[3]);
  const auto group_outputs =
      static_cast<std::size_t>(shape[0] / node.attributes.integer("group", 1));
  const auto data = weights.data<float>();
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::size_t output = i / (inputs * kernel);
    const std::size_t channel = output / group_outputs * inputs + i / kernel % inputs;
    data[i] = static_cast<float>(data[i] * scale[channel]);
  }
}

}  // namespace

std::vector<EqualizablePath> equalizable_paths(const Graph& graph,
                                               const std::vector<ValueId>& untouched) {
  const auto readers_of = consumers(graph);
  const auto is_untouched = [&](ValueId id) {
    return std::find(untouched.begin(), untouched.end(), id) != untouched.end();
  };
  std::vector<EqualizablePath> paths;
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    if (!is_plain_convolution(graph, graph.nodes[index])) continue;
    ValueId value = graph.nodes[index].outputs[0];
    std::vector<ValueId> quantized = {value};
    for (;;) {
      const auto& readers = readers_of[static_cast<std::size_t>(value)];
      if (is_output(graph, value) || readers.size() != 1) break;
      const Node& next = graph.nodes[readers[0]];
      if (!commutes_with_scale(next) || next.inputs[0] != value) break;
      value = next.outputs[0];
      // A ReLU behind the convolution is part of it: what it cuts off is never quantized.
      if (next.op == OpKind::kRelu) quantized.clear();
      quantized.push_back(value);
    }
    const auto& readers = readers_of[static_cast<std::size_t>(value)];
    const bool all_convolutions =
        !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](std::size_t reader) {
          const Node& node = graph.nodes[reader];
          return is_plain_convolution(graph, node) && node.inputs[0] == value;
        });
    const bool free = std::none_of(quantized.begin(), quantized.end(), is_untouched);
    if (all_convolutions && free && !is_output(graph, value))
      paths.push_back({index, value, std::move(quantized), readers});
  }
  return paths;
}

Result<Graph> equalize(const Graph& graph, CalibrationSet& set,
                       const std::vector<ValueId>& untouched, int threads,
                       const StepProgress& progress) {
  Graph result = graph;
  std::vector<Pair> pairs;
  for (EqualizablePath& path : equalizable_paths(graph, untouched))
    pairs.emplace_back(std::move(path));
  if (pairs.empty()) return result;
  QUANT_TRY(measure(graph, set, threads, pairs, progress));
  for (const Pair& pair : pairs) {
    std::vector<ReaderWeights> readers;
    for (const std::size_t reader : pair.readers) {
      const Node& node = result.nodes[reader];
      readers.emplace_back(*result.value(node.inputs[1]).constant,
                           node.attributes.integer("group", 1));
    }
    const std::vector<double> scale = best_scale(pair, readers);
    if (scale.empty()) continue;
    divide_outputs(result, result.nodes[pair.producer], scale);
    for (const std::size_t reader : pair.readers)
      multiply_inputs(result, result.nodes[reader], scale);
  }
  return result;
}

}  // namespace quant
