// SPDX-License-Identifier: MIT
// Whether pixels are normalized exactly once on their way to the first layer with weights.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "quant/analyze/suspects.h"
#include "quant/engine/float_executor.h"

namespace quant {
namespace {

// No usual normalization leaves more than ±3; raw pixels reach 255.
constexpr float kRawPixels = 16;
// A whole picture (black to white) that is narrower than this was scaled down twice: once leaves
// 1 or more.
constexpr float kScaledTwice = 0.05F;
// A picture needs this much of 0…255 before its range says anything.
constexpr float kSomeContrast = 32;

// The model's own normalization right behind its input.
struct OwnNormalization {
  ValueId end = kNoValue;          // behind it
  std::vector<std::string> nodes;  // "Sub (input_sub)", …
};

bool is_scaling(const Graph& graph, const Node& node) {
  switch (node.op) {
    case OpKind::kBatchNormalization:
      return true;
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return id != kNoValue && graph.value(id).constant.has_value();
      });
    default:
      return false;
  }
}

bool is_movement(OpKind op) {
  return op == OpKind::kIdentity || op == OpKind::kCast || op == OpKind::kTranspose ||
         op == OpKind::kReshape || op == OpKind::kPad;
}

OwnNormalization find_own(const Graph& graph) {
  OwnNormalization own;
  if (graph.inputs.empty()) return own;
  own.end = graph.inputs[0];
  const auto readers = consumers(graph);
  for (std::size_t step = 0; step < graph.nodes.size(); ++step) {
    const auto& next = readers[static_cast<std::size_t>(own.end)];
    if (next.size() != 1) return own;
    const Node& node = graph.nodes[next[0]];
    const bool scales = is_scaling(graph, node);
    if (!scales && !is_movement(node.op)) return own;
    if (graph.value(node.outputs[0]).type != DataType::kFloat32) return own;
    own.end = node.outputs[0];
    if (scales)
      own.nodes.push_back(
          fmt::format("{} ({})", to_string(node.op),
                      node.original_names.empty() ? node.name : node.original_names.front()));
  }
  return own;
}

Result<Range> range_behind(const SuspectModel& model, ValueId value,
                           std::span<const Frame> frames) {
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(model.native));
  MinMaxObserver observer;
  for (const Frame& frame : frames) {
    std::vector<Tensor> tapped;
    QUANT_TRY(
        executor.run_with_taps(std::span(&frame.network_input, 1), std::span(&value, 1), tapped));
    observer.observe(std::as_const(tapped[0]).data<float>());
  }
  return observer.range();
}

std::string spec_text(const InputSpec& spec) {
  return fmt::format("mean {} and std {}", fmt::join(spec.mean, ","), fmt::join(spec.std, ","));
}

// What pixels 0…255 become, over all channels.
Range possible(const InputSpec& spec) {
  MinMaxObserver observer;
  for (std::size_t c = 0; c < spec.mean.size(); ++c) {
    for (const float pixel : {0.0F, 255.0F}) {
      const float value = (pixel - spec.mean[c]) / spec.std[c];
      observer.observe(std::span(&value, 1));
    }
  }
  return observer.range();
}

float width(Range range) { return range.max - range.min; }

bool is_identity(const InputSpec& spec) {
  return std::all_of(spec.mean.begin(), spec.mean.end(), [](float v) { return v == 0; }) &&
         std::all_of(spec.std.begin(), spec.std.end(), [](float v) { return v == 1; });
}

// Means and deviations as frameworks state them, for pixels 0…1.
std::string unit_advice(const InputSpec& spec) {
  const auto small = [](float value) { return value >= 0 && value <= 1; };
  if (is_identity(spec) || !std::all_of(spec.mean.begin(), spec.mean.end(), small) ||
      !std::all_of(spec.std.begin(), spec.std.end(), small))
    return "";
  return "The values given look like those for pixels 0…1: multiply them by 255.";
}

// The floats of a .npy file against what --mean and --std make of pixels.
std::optional<Finding> check_floats(const InputSpec& spec, const FrameSurvey& frames) {
  constexpr float kSlack = 0.05F;  // of the width, at either end
  constexpr float kNarrow = 0.02F;
  if (!frames.from_floats()) return std::nullopt;
  const Range have = frames.network_input();
  const Range can = possible(spec);
  const bool outside =
      have.min < can.min - kSlack * width(can) || have.max > can.max + kSlack * width(can);
  if (!outside && width(have) >= kNarrow * width(can)) return std::nullopt;
  const std::string relation =
      outside ? "lie outside" : fmt::format("fill {:.2g} % of", 100 * width(have) / width(can));
  return Finding{
      Suspect::kNormalizationMismatch,
      outside ? Severity::kError : Severity::kWarning,
      fmt::format("the frames are floats from {:.4g} to {:.4g}, which {} what {} make of "
                  "pixels, {:.4g} to {:.4g}",
                  have.min, have.max, relation, spec_text(spec), can.min, can.max),
      {{"frames", {have.min, have.max}}, {"from_pixels", {can.min, can.max}}},
      ""};
}

}  // namespace

Result<Findings> check_normalization(const SuspectModel& model, const FrameSurvey& frames,
                                     std::span<const Frame> few) {
  Findings findings;
  if (auto finding = check_floats(model.input, frames)) findings.push_back(std::move(*finding));

  const OwnNormalization own = find_own(*model.native);
  Range behind = frames.network_input();
  if (!own.nodes.empty()) {
    QUANT_TRY_ASSIGN(behind, range_behind(model, own.end, few));
  }
  const bool given = !is_identity(model.input);
  const std::string inside =
      own.nodes.empty()
          ? "the model has no normalization of its own"
          : fmt::format("the model's own normalization follows: {}", fmt::join(own.nodes, ", "));
  nlohmann::ordered_json evidence = {
      {"mean", model.input.mean},
      {"std", model.input.std},
      {"input", {frames.network_input().min, frames.network_input().max}},
      {"own_normalization", own.nodes},
      {"first_layer", {behind.min, behind.max}}};
  // As if the frames had used all of 0…255.
  const float contrast = frames.pixels().max - frames.pixels().min;
  const bool narrow = contrast >= kSomeContrast && width(behind) * 255 / contrast < kScaledTwice &&
                      !frames.from_floats();
  const bool narrow_floats = frames.from_floats() && width(behind) < kScaledTwice;
  if (narrow || narrow_floats) {
    findings.push_back(
        {Suspect::kNormalizationDoubled, Severity::kError,
         fmt::format("with {} the first layer sees {:.4g} to {:.4g} for pixels {:.0f} to "
                     "{:.0f}; {}",
                     spec_text(model.input), behind.min, behind.max, frames.pixels().min,
                     frames.pixels().max, inside),
         std::move(evidence), ""});
  } else if (given && !own.nodes.empty()) {
    findings.push_back({Suspect::kNormalizationDoubled, Severity::kWarning,
                        fmt::format("{} are given and {}; the first layer sees {:.4g} to {:.4g}",
                                    spec_text(model.input), inside, behind.min, behind.max),
                        std::move(evidence), ""});
  } else if (std::max(-behind.min, behind.max) > kRawPixels) {
    findings.push_back(
        {Suspect::kNormalizationMissing, Severity::kWarning,
         fmt::format("with {} the first layer sees {:.4g} to {:.4g}, where ±3 is usual; {}",
                     spec_text(model.input), behind.min, behind.max, inside),
         std::move(evidence), unit_advice(model.input)});
  }
  return findings;
}

}  // namespace quant
