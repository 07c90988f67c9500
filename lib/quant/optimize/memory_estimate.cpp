// SPDX-License-Identifier: MIT
#include "quant/optimize/memory_estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "quant/optimize/bias_correction.h"
#include "quant/optimize/hessian_rounding.h"
#include "quant/optimize/layer_depth.h"
#include "quant/optimize/observer.h"
#include "quant/optimize/refine_ranges.h"

namespace quant {
namespace {

std::uint64_t bytes_of(const Value& value) {
  const auto elements = checked_element_count(value.shape);
  return elements ? static_cast<std::uint64_t>(*elements) * size_of(value.type) : 0;
}

// Sizes that all steps are made of, in bytes.
struct Sizes {
  std::uint64_t frame = 0;        // uint8
  std::uint64_t weights = 0;      // all constants
  std::uint64_t activations = 0;  // of one frame, all of them
  std::uint64_t live = 0;         // of one frame, the most at once
  std::uint64_t outputs = 0;      // of one frame
  std::uint64_t histograms = 0;
  std::uint64_t hessian = 0;  // the largest of a layer, double
  std::uint64_t moments = 0;  // of what the layers of one depth read: the most of these, one each
};

// Of what one output of a convolution or product is made of: a square matrix.
std::uint64_t hessian_bytes(const Graph& graph, const Node& node) {
  if (node.op != OpKind::kConv && node.op != OpKind::kGemm && node.op != OpKind::kMatMul) return 0;
  const Value& weights = graph.value(node.inputs[1]);
  if (!weights.constant || weights.shape.empty()) return 0;
  const bool convolution = node.op == OpKind::kConv;
  const auto elements = static_cast<std::uint64_t>(weights.constant->elements());
  const std::int64_t outputs =
      convolution ? weights.shape.front() : graph.value(node.outputs[0]).shape.back();
  if (outputs <= 0) return 0;
  const std::uint64_t depth = elements / static_cast<std::uint64_t>(outputs);
  const auto groups = static_cast<std::uint64_t>(convolution ? node.attributes.integer("group", 1)
                                                             : std::int64_t{1});
  return groups * depth * depth * sizeof(double);
}

// Layers of one depth are looked at together; those that read the same have theirs in common.
std::uint64_t moments_bytes(const Graph& graph) {
  const auto bytes = [&](const Node& node) { return hessian_bytes(graph, node); };
  const std::vector<int> depths =
      layer_depths(graph, [&](const Node& node) { return bytes(node) > 0; });
  std::map<int, std::map<std::pair<ValueId, std::uint64_t>, std::uint64_t>> by_depth;
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (bytes(node) > 0) by_depth[depths[index]][{node.inputs[0], bytes(node)}] = bytes(node);
  }
  std::uint64_t most = 0;
  for (const auto& [depth, sources] : by_depth) {
    std::uint64_t sum = 0;
    for (const auto& [source, size] : sources) sum += size;
    most = std::max(most, sum);
  }
  return most;
}

Sizes sizes_of(const Graph& graph) {
  Sizes sizes;
  for (const Value& value : graph.values) {
    if (value.constant) sizes.weights += value.constant->bytes();
  }
  std::vector<std::size_t> last_use(graph.values.size(), 0);
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId id : graph.nodes[node].inputs)
      if (id != kNoValue) last_use[static_cast<std::size_t>(id)] = node;
  }
  for (const ValueId id : graph.outputs) {
    last_use[static_cast<std::size_t>(id)] = graph.nodes.size();
    sizes.outputs += bytes_of(graph.value(id));
  }
  std::uint64_t now = 0;
  for (const ValueId id : graph.inputs) {
    sizes.frame += bytes_of(graph.value(id)) / sizeof(float);
    now += bytes_of(graph.value(id));
  }
  std::uint64_t values = 0;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    sizes.hessian = std::max(sizes.hessian, hessian_bytes(graph, graph.nodes[node]));
    for (const ValueId id : graph.nodes[node].outputs) {
      if (id == kNoValue) continue;
      sizes.activations += bytes_of(graph.value(id));
      now += bytes_of(graph.value(id));
      ++values;
    }
    sizes.live = std::max(sizes.live, now);
    std::vector<ValueId> read = graph.nodes[node].inputs;
    std::sort(read.begin(), read.end());
    read.erase(std::unique(read.begin(), read.end()), read.end());
    for (const ValueId id : read) {
      if (id == kNoValue || graph.value(id).constant) continue;
      if (last_use[static_cast<std::size_t>(id)] == node) now -= bytes_of(graph.value(id));
    }
  }
  sizes.moments = moments_bytes(graph);
  sizes.histograms = values * HistogramObserver::kBins * sizeof(std::int64_t);
  return sizes;
}

std::string text_of(std::uint64_t bytes) {
  constexpr double kMega = 1e6;
  constexpr double kGiga = 1e9;
  const auto value = static_cast<double>(bytes);
  return value < kGiga ? fmt::format("{:.0f} MB", value / kMega)
                       : fmt::format("{:.1f} GB", value / kGiga);
}

}  // namespace

std::vector<MemoryNeed> estimate_memory(const Graph& graph, const MemoryWork& work) {
  const Sizes sizes = sizes_of(graph);
  const auto frames = static_cast<std::uint64_t>(work.frames);
  const auto lanes = static_cast<std::uint64_t>(std::max(work.threads, 1));
  const auto held = [&](std::int64_t most) {
    const auto count = static_cast<std::uint64_t>(most);
    return work.frames > 0 ? std::min(count, frames) : count;
  };
  // Frames that variants of the integer network run on: as float until the first run, then uint8;
  // of each what lies at the edge of a change, and of each thread what it computes with.
  const auto runs = [&](std::int64_t most) {
    constexpr std::uint64_t kBytesOfFloat = sizeof(float);
    return held(most) *
               (std::max(sizes.frame * kBytesOfFloat, sizes.live / kBytesOfFloat) + sizes.frame) +
           lanes * (sizes.weights + sizes.live) / kBytesOfFloat;
  };
  // Those that are judged by the outputs.
  const auto judged = [&](std::int64_t most) { return runs(most) + held(most) * sizes.outputs; };
  // Of an executor: its weights, packed as its kernels want them. With taps it has two plans.
  const std::uint64_t plain = sizes.weights + sizes.live;
  const std::uint64_t tapped = 2 * sizes.weights + sizes.activations;
  std::vector<MemoryNeed> needs;
  needs.push_back({"calibrating", tapped + sizes.histograms + 4 * sizes.frame, 0});
  if (work.searches) {
    // Float network, candidate, the best one, and what lowering makes them from.
    needs.push_back({"searching",
                     4 * sizes.weights + 2 * sizes.live + judged(RefineRangesOptions().most_frames),
                     0});
  }
  if (work.bias_correction) {
    const BiasCorrectionOptions options;
    needs.push_back({"correcting biases",
                     tapped + runs(options.most_frames) + judged(options.judged_frames), 0});
  }
  if (work.finetuning) {
    // Of each weight: the float network's, the twin's, its gradient, two moments, the best so far,
    // rounded. Of each activation: as computed and as rounded, and gradients on the way back.
    constexpr std::uint64_t kWeightCopies = 7;
    constexpr std::uint64_t kActivationCopies = 3;
    needs.push_back({"fine-tuning",
                     kWeightCopies * sizes.weights + kActivationCopies * sizes.activations + plain +
                         frames * sizes.frame,
                     sizes.frame});
  }
  if (work.rounding_frames > 0) {
    // Of what layers read: two moments; of the widest beside them the covariance and what fitting
    // or rounding makes of it.
    constexpr std::uint64_t kMomentCopies = 2;
    constexpr std::uint64_t kHessianCopies = 3;
    const std::uint64_t frame = sizes.frame * sizeof(float);
    const HessianRoundingOptions options;
    needs.push_back({"rounding weights",
                     3 * sizes.weights + lanes * plain + kMomentCopies * sizes.moments +
                         kHessianCopies * sizes.hessian + held(work.rounding_frames) * frame +
                         runs(work.rounding_frames) + judged(options.judged_frames),
                     frame});
  }
  return needs;
}

Status check_memory(const std::vector<MemoryNeed>& needs, std::int64_t frames,
                    const AvailableMemory& available) {
  const auto worst =
      std::max_element(needs.begin(), needs.end(),
                       [](const MemoryNeed& a, const MemoryNeed& b) { return a.bytes < b.bytes; });
  if (worst == needs.end() || worst->bytes <= available.bytes) return {};
  const std::uint64_t held = worst->frame_bytes * static_cast<std::uint64_t>(frames);
  const std::uint64_t rest = worst->bytes - held;
  std::string remedy;
  if (held > 0 && rest + worst->frame_bytes < available.bytes) {
    remedy = fmt::format("--frames {} fits, and a lower level holds none",
                         (available.bytes - rest) / worst->frame_bytes);
  } else if (worst->step != needs.front().step) {
    remedy = fmt::format(
        "fewer frames do not help; a lower level does, or more memory ({} alone "
        "needs {})",
        needs.front().step, text_of(needs.front().bytes));
  } else {
    remedy = "fewer frames do not help; a smaller input (--input-shape) does, or more memory";
  }
  const std::string of_frames =
      held > 0 ? fmt::format(", {} of it for the {} frames that it holds", text_of(held), frames)
               : "";
  return fail(ErrorCode::kOutOfRange,
              fmt::format("{} needs about {} of memory{}, and {} are available ({}); {}; "
                          "--accept-memory goes on all the same",
                          worst->step, text_of(worst->bytes), of_frames, text_of(available.bytes),
                          available.limit, remedy));
}

}  // namespace quant
