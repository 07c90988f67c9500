// SPDX-License-Identifier: MIT
#include "quant/optimize/equalize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "quant/optimize/disjoint_sets.h"
#include "quant/optimize/element_labels.h"
#include "quant/optimize/scale_channels.h"
#include "quant/optimize/tapped_frames.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

using Labels = std::vector<std::int32_t>;  // class of each channel

// What calibration frames say of an activation, by channel.
struct Activation {
  std::vector<double> peak;    // largest |x|
  std::vector<double> energy;  // mean x²
};

// Tensors that are rounded with one step.
struct Rounding {
  struct Channel {
    std::int32_t label = kFixedScale;
    double peak = 0;
  };
  double levels = 0;  // of the fewest bits among them
  std::vector<Channel> channels;
  std::vector<std::int32_t> rounded;  // of each channel that is rounded by itself
  double fixed_energy = 0;  // of the weights that read fixed channels, as Reader::each_channel()
};

// A convolution that reads channels with classes: its weights (O, I/g, kh, kw) as the noise
// estimate sees them.
class Reader {
 public:
  Reader(const Tensor& weights, int bits, std::int64_t groups, Labels labels,
         const Activation& read)
      : labels_(std::move(labels)), input_energy_(read.energy), levels_((1 << (bits - 1)) - 1) {
    const auto data = weights.data<float>();
    const Shape& shape = weights.shape();
    outputs_ = static_cast<std::size_t>(shape[0]);
    inputs_ = static_cast<std::size_t>(shape[1]);
    group_outputs_ = outputs_ / static_cast<std::size_t>(groups);
    kernel_ = static_cast<std::size_t>(shape[2] * shape[3]);
    for (std::size_t row = 0; row < outputs_ * inputs_; ++row) {
      double peak = 0;
      double energy = 0;
      for (const float w : data.subspan(row * kernel_, kernel_)) {
        peak = std::max(peak, std::abs(static_cast<double>(w)));
        energy += static_cast<double>(w) * w;
      }
      peak_.push_back(peak);
      signal_ += energy * input_energy_[channel(row / inputs_, row % inputs_)];
      energy_.push_back(energy);
    }
  }

  const Labels& labels() const { return labels_; }
  bool counts() const { return signal_ > 0; }

  // Twelve times the expected noise of rounded weights at the outputs, over their signal.
  double noise(std::span<const double> scale) const {
    double total = 0;
    for (std::size_t o = 0; o < outputs_; ++o) {
      double peak = 0;
      double through = 0;
      for (std::size_t i = 0; i < inputs_; ++i) {
        const std::size_t c = channel(o, i);
        const double s = scale_of(scale, labels_[c]);
        peak = std::max(peak, peak_[o * inputs_ + i] * s);
        through += input_energy_[c] / (s * s);
      }
      const double step = peak / levels_;
      total += step * step * static_cast<double>(kernel_) * through;
    }
    return total / signal_;
  }

  // Visits (channel, energy of its weights over that of the signal, largest weight).
  template <typename Visit>
  void each_channel(const Visit& visit) const {
    std::vector<double> energy(labels_.size(), 0.0);
    std::vector<double> peak(labels_.size(), 0.0);
    for (std::size_t row = 0; row < outputs_ * inputs_; ++row) {
      const std::size_t c = channel(row / inputs_, row % inputs_);
      energy[c] += energy_[row];
      peak[c] = std::max(peak[c], peak_[row]);
    }
    for (std::size_t c = 0; c < labels_.size(); ++c) visit(c, energy[c] / signal_, peak[c]);
  }

 private:
  std::size_t channel(std::size_t output, std::size_t input) const {
    return output / group_outputs_ * inputs_ + input;
  }

  Labels labels_;
  std::vector<double> input_energy_;
  double levels_;
  std::size_t outputs_ = 0;
  std::size_t inputs_ = 0;
  std::size_t group_outputs_ = 0;
  std::size_t kernel_ = 0;
  double signal_ = 0;           // expected energy of the outputs, all channels
  std::vector<double> peak_;    // by output, then input of the group
  std::vector<double> energy_;  // likewise
};

// Classes whose scales decide about one another's noise.
struct Component {
  std::vector<std::size_t> classes;
  std::vector<const Rounding*> roundings;
  std::vector<const Reader*> readers;
};

class Equalization {
 public:
  Equalization(const Graph& graph, const QuantizationPlan& plan, const ChannelClasses& classes)
      : graph_(graph),
        plan_(plan),
        classes_(classes),
        topology_(graph),
        steps_(graph.values.size()) {}

  Status measure(CalibrationSet& set, int threads, const StepProgress& progress) {
    std::vector<ValueId> taps;
    for (std::size_t id = 0; id < classes_.of.size(); ++id) {
      const std::size_t channels = classes_.of[id].size();
      if (channels == 0 || is_inside_a_layer(static_cast<ValueId>(id))) continue;
      taps.push_back(static_cast<ValueId>(id));
      activations_[taps.back()] = {std::vector<double>(channels, 0.0),
                                   std::vector<double>(channels, 0.0)};
    }
    QUANT_TRY_ASSIGN(const std::int64_t frames,
                     visit_tapped_frames(graph_, set, taps, threads, progress, [&](auto tapped) {
                       for (std::size_t i = 0; i < taps.size(); ++i)
                         add_frame(tapped[i].template data<float>(), activations_[taps[i]]);
                     }));
    for (auto& [id, activation] : activations_) {
      for (double& energy : activation.energy) energy /= static_cast<double>(frames);
    }
    return {};
  }

  std::vector<double> scales() {
    find_roundings();
    find_readers();
    std::vector<double> result(classes_.count, 1.0);
    for (const Component& component : components()) choose(component, result);
    return result;
  }

 private:
  static void add_frame(std::span<const float> values, Activation& activation) {
    const std::size_t area = values.size() / activation.peak.size();
    for (std::size_t c = 0; c < activation.peak.size(); ++c) {
      double energy = 0;
      for (const float value : values.subspan(c * area, area)) {
        activation.peak[c] = std::max(activation.peak[c], std::abs(static_cast<double>(value)));
        energy += static_cast<double>(value) * value;
      }
      activation.energy[c] += energy / static_cast<double>(area);
    }
  }

  // What a ReLU cuts off is never rounded: the ReLU is part of the layer before it.
  bool is_inside_a_layer(ValueId id) const {
    const auto reader = topology_.only_reader(id);
    return reader && graph_.nodes[*reader].op == OpKind::kRelu;
  }
  int bits_of(ValueId id) const {
    const auto producer = topology_.producer(id);
    return producer ? plan_.layer(*producer).precision.output_bits : 8;
  }

  // What is moved keeps its step, and what is only joined takes that of the whole.
  void find_roundings() {
    for (const Node& node : graph_.nodes) {
      if (!moves_elements(graph_, node)) continue;
      for (const ValueId input : node.inputs) {
        const bool shares = input != kNoValue && !graph_.value(input).constant &&
                            (node.op != OpKind::kConcat || topology_.only_reader(input));
        if (shares)
          steps_.join(static_cast<std::size_t>(input), static_cast<std::size_t>(node.outputs[0]));
      }
      for (const ValueId output : node.outputs) {
        if (output != kNoValue)
          steps_.join(static_cast<std::size_t>(output), static_cast<std::size_t>(node.outputs[0]));
      }
    }
    for (const auto& [id, activation] : activations_) {
      Rounding& rounding = roundings_[steps_.find(static_cast<std::size_t>(id))];
      const double levels = (1 << bits_of(id)) - 1;
      rounding.levels = rounding.levels > 0 ? std::min(rounding.levels, levels) : levels;
      const Labels& labels = classes_.of[static_cast<std::size_t>(id)];
      for (std::size_t c = 0; c < labels.size(); ++c) {
        rounding.channels.push_back({labels[c], activation.peak[c]});
        if (!is_moved(graph_, topology_, id)) rounding.rounded.push_back(labels[c]);
      }
    }
  }

  void find_readers() {
    readers_.reserve(graph_.nodes.size());
    weight_energy_.assign(classes_.count, 0.0);
    weight_peak_.assign(classes_.count, 0.0);
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      const Node& node = graph_.nodes[index];
      if (!is_plain_convolution(graph_, node)) continue;
      const Labels& labels = classes_.of[static_cast<std::size_t>(node.inputs[0])];
      if (labels.empty()) continue;
      Reader reader(*graph_.value(node.inputs[1]).constant,
                    plan_.layer(index).precision.weight_bits, node.attributes.integer("group", 1),
                    labels, activations_.at(node.inputs[0]));
      if (!reader.counts()) continue;
      double largest = 0;
      reader.each_channel(
          [&](std::size_t, double, double peak) { largest = std::max(largest, peak); });
      reader.each_channel([&](std::size_t c, double energy, double peak) {
        if (labels[c] == kFixedScale) {
          roundings_[steps_.find(static_cast<std::size_t>(node.inputs[0]))].fixed_energy += energy;
          return;
        }
        const auto label = static_cast<std::size_t>(labels[c]);
        weight_energy_[label] += energy;
        weight_peak_[label] = std::max(weight_peak_[label], peak / largest);
      });
      readers_.push_back(std::move(reader));
    }
  }

  std::vector<Component> components() const {
    DisjointSets sets(classes_.count);
    const auto join_all = [&](const auto& labels, const auto& label_of) {
      std::int32_t first = kFixedScale;
      for (const auto& entry : labels) {
        const std::int32_t label = label_of(entry);
        if (label == kFixedScale) continue;
        if (first == kFixedScale) first = label;
        sets.join(static_cast<std::size_t>(first), static_cast<std::size_t>(label));
      }
      return first;
    };
    const auto of_channel = [](const Rounding::Channel& channel) { return channel.label; };
    const auto of_label = [](std::int32_t label) { return label; };
    std::vector<std::pair<const Rounding*, std::int32_t>> roundings;
    std::vector<std::pair<const Reader*, std::int32_t>> readers;
    for (const auto& [root, rounding] : roundings_)
      roundings.emplace_back(&rounding, join_all(rounding.channels, of_channel));
    for (const Reader& reader : readers_)
      readers.emplace_back(&reader, join_all(reader.labels(), of_label));
    std::map<std::size_t, Component> by_root;
    for (std::size_t label = 0; label < classes_.count; ++label)
      by_root[sets.find(label)].classes.push_back(label);
    for (const auto& [rounding, label] : roundings) {
      if (label != kFixedScale)
        by_root[sets.find(static_cast<std::size_t>(label))].roundings.push_back(rounding);
    }
    for (const auto& [reader, label] : readers) {
      if (label != kFixedScale)
        by_root[sets.find(static_cast<std::size_t>(label))].readers.push_back(reader);
    }
    std::vector<Component> result;
    result.reserve(by_root.size());
    for (auto& [root, component] : by_root) result.push_back(std::move(component));
    return result;
  }

  double noise(const Component& component, std::span<const double> scale) const {
    double total = 0;
    for (const Rounding* rounding : component.roundings) {
      double peak = 0;
      for (const auto& channel : rounding->channels)
        peak = std::max(peak, channel.peak / scale_of(scale, channel.label));
      double through = rounding->fixed_energy;
      for (const std::int32_t label : rounding->rounded) {
        if (label == kFixedScale) continue;
        const double s = scale_of(scale, label);
        through += s * s * weight_energy_[static_cast<std::size_t>(label)];
      }
      total += peak / rounding->levels * (peak / rounding->levels) * through;
    }
    for (const Reader* reader : component.readers) total += reader->noise(scale);
    return total;
  }

  // scale = peak^a / weight^b over steps of a and b from 0 to 1; the one of least noise.
  void choose(const Component& component, std::vector<double>& scale) const {
    constexpr int kSteps = 10;
    // A channel that hardly ever speaks is not blown up without end.
    constexpr double kLargest = 64;
    if (component.readers.empty()) return;
    std::vector<double> peak(classes_.count, 0.0);
    for (const Rounding* rounding : component.roundings) {
      double largest = 0;
      for (const auto& channel : rounding->channels) largest = std::max(largest, channel.peak);
      if (!(largest > 0)) continue;
      for (const auto& channel : rounding->channels) {
        if (channel.label == kFixedScale) continue;
        double& of_class = peak[static_cast<std::size_t>(channel.label)];
        of_class = std::max(of_class, channel.peak / largest);
      }
    }
    double least = noise(component, scale);
    std::vector<double> tried = scale;
    for (int a = 0; a <= kSteps; ++a) {
      for (int b = 0; b <= kSteps; ++b) {
        for (const std::size_t label : component.classes) {
          const double p = std::max(peak[label], 1 / kLargest);
          const double w = std::max(weight_peak_[label], 1 / kLargest);
          tried[label] =
              std::clamp(std::pow(p, a / double{kSteps}) / std::pow(w, b / double{kSteps}),
                         1 / kLargest, kLargest);
        }
        const double estimate = noise(component, tried);
        if (estimate < least) {
          least = estimate;
          scale = tried;
        }
      }
    }
  }

  const Graph& graph_;
  const QuantizationPlan& plan_;
  const ChannelClasses& classes_;
  const Topology topology_;
  DisjointSets steps_;                         // values that have one step
  std::map<ValueId, Activation> activations_;  // that are rounded or read
  std::map<std::size_t, Rounding> roundings_;  // by the first value of the step
  std::vector<Reader> readers_;
  std::vector<double> weight_energy_;  // by class: of all readers, over that of their signals
  std::vector<double> weight_peak_;    // by class: relative to the largest of a reader
};

}  // namespace

Result<Graph> equalize(const Graph& graph, CalibrationSet& set, const EqualizeOptions& options,
                       const StepProgress& progress) {
  Graph result = graph;
  const ChannelClasses classes = channel_classes(graph, options.untouched);
  if (classes.count == 0) return result;
  Equalization equalization(graph, options.plan, classes);
  QUANT_TRY(equalization.measure(set, options.threads, progress));
  scale_channels(result, classes, equalization.scales());
  return result;
}

}  // namespace quant
