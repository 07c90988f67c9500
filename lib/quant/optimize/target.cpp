// SPDX-License-Identifier: MIT
#include "quant/optimize/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/plan_precision.h"

namespace quant {
namespace {

constexpr std::array kTargets = {Target::kGeneric, Target::kHailo8, Target::kHailo8l};
constexpr PrecisionMode kSixteen{16, 16, 16};
// Of layers with weights; the last puts out 16 bits for a reader of 16.
constexpr std::array<PrecisionMode, 4> kHailo8Modes = {
    {{8, 8, 8}, {8, 4, 8}, kSixteen, {8, 8, 16}}};

// Products of activations, and what belongs to attention, read 8 bits only.
bool reads_eight_bits_only(const Graph& graph, const Node& node) {
  if (node.op == OpKind::kMatMul) return !channel_layer(graph, node);
  return node.op == OpKind::kSoftmax;
}

// A violation, and the layer whose precision mends it.
struct Fault {
  TargetViolation violation;
  std::size_t layer;
  bool widen;  // to a16_w16; else to a8_w8
};

using Asked = std::vector<std::optional<PrecisionMode>>;

class Check {
 public:
  // `lowered` layers are to stay at 8 bits.
  Check(const Graph& graph, const std::vector<bool>& host, std::vector<PrecisionMode> modes,
        const std::vector<bool>& lowered)
      : graph_(graph),
        host_(host),
        modes_(std::move(modes)),
        lowered_(lowered),
        producers_(producers(graph)),
        bits_(value_bits(graph, modes_)) {}

  std::vector<Fault> run() {
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      if (host_[node]) continue;
      check_mode(node);
      check_changes(node);
    }
    return std::move(faults_);
  }

 private:
  void check_mode(std::size_t index) {
    const Node& node = graph_.nodes[index];
    const PrecisionMode& mode = modes_[index];
    if (channel_layer(graph_, node)) {
      if (std::find(kHailo8Modes.begin(), kHailo8Modes.end(), mode) != kHailo8Modes.end()) return;
      faults_.push_back(
          {{node.name,
            fmt::format("{} is none of a8_w8, a8_w4, a16_w16 and a8_w8_a16", to_string(mode))},
           index,
           mode.input_bits == 16 && !lowered_[index]});
    } else if (reads_eight_bits_only(graph_, node) && mode.input_bits == 16) {
      faults_.push_back(
          {{node.name, fmt::format("{} reads 8 bits only", to_string(node.op))}, index, false});
    }
  }

  void check_changes(std::size_t index) {
    const Node& node = graph_.nodes[index];
    for (const ValueId id : activation_inputs(graph_, node)) {
      if (bits_[static_cast<std::size_t>(id)] != 16 || modes_[index].input_bits != 8) continue;
      const auto maker = computing_layer(id);
      if (!maker) continue;
      const std::string& from = graph_.nodes[*maker].name;
      const bool widen = !reads_eight_bits_only(graph_, node) && !lowered_[index];
      add({{fmt::format("{} and {}", from, node.name),
            fmt::format("{} puts out 16 bits and {} reads 8; a precision_change from 16 to 8 bits "
                        "is not supported",
                        from, node.name)},
           widen ? index : *maker,
           widen});
    }
  }

  // Two layers may be joined by more than one path.
  void add(Fault fault) {
    const bool known = std::any_of(faults_.begin(), faults_.end(), [&](const Fault& other) {
      return other.violation == fault.violation;
    });
    if (!known) faults_.push_back(std::move(fault));
  }

  // The layer that computes a value, behind those that only pass it on.
  std::optional<std::size_t> computing_layer(ValueId id) const {
    const auto producer = producers_[static_cast<std::size_t>(id)];
    if (!producer) return std::nullopt;
    const Node& node = graph_.nodes[*producer];
    const std::vector<ValueId> inputs = activation_inputs(graph_, node);
    const bool passes =
        passes_precision(graph_, node) || integer_form(graph_, node) == IntegerForm::kPointwise;
    if (!passes || inputs.empty()) return producer;
    const auto before = computing_layer(inputs.front());
    return before ? before : producer;
  }

  const Graph& graph_;
  const std::vector<bool>& host_;
  std::vector<PrecisionMode> modes_;
  const std::vector<bool>& lowered_;
  std::vector<std::optional<std::size_t>> producers_;
  std::vector<int> bits_;
  std::vector<Fault> faults_;
};

// What must have been asked for the plan to come out: of every layer with weights its mode, of the
// others where they do not just follow what they read.
Asked asked_of(const Graph& graph, const QuantizationPlan& plan) {
  Asked asked(graph.nodes.size());
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (channel_layer(graph, graph.nodes[node])) asked[node] = plan.layer(node).precision;
  }
  const std::vector<PrecisionMode> followed = plan_precision(graph, asked);
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (plan.layer(node).precision != followed[node]) asked[node] = plan.layer(node).precision;
  }
  return asked;
}

// Mends fault after fault until none is left. A layer that was lowered to 8 bits stays so, which
// makes this end.
std::vector<std::string> find_fixes(const Graph& graph, const std::vector<bool>& host, Asked asked,
                                    std::vector<Fault> faults) {
  std::vector<bool> lowered(graph.nodes.size(), false);
  std::vector<bool> widened(graph.nodes.size(), false);
  while (!faults.empty()) {
    for (const Fault& fault : faults) {
      if (fault.widen && lowered[fault.layer]) continue;
      lowered[fault.layer] = !fault.widen;
      widened[fault.layer] = fault.widen;
      asked[fault.layer] = fault.widen ? kSixteen : PrecisionMode{};
    }
    faults = Check(graph, host, plan_precision(graph, asked), lowered).run();
  }
  std::vector<std::string> lines;
  const auto add_line = [&](const std::vector<bool>& which, const char* mode) {
    std::vector<std::string> names;
    for (std::size_t node = 0; node < which.size(); ++node) {
      if (which[node]) names.push_back(graph.nodes[node].name);
    }
    if (!names.empty())
      lines.push_back(
          fmt::format("quantization_param([{}], precision_mode={})", fmt::join(names, ", "), mode));
  };
  add_line(widened, "a16_w16");
  add_line(lowered, "a8_w8");
  return lines;
}

}  // namespace

const char* to_string(Target target) {
  switch (target) {
    case Target::kGeneric:
      return "generic";
    case Target::kHailo8:
      return "hailo8";
    case Target::kHailo8l:
      return "hailo8l";
  }
  return "unknown";
}

std::optional<Target> target_from_string(std::string_view name) {
  for (const Target target : kTargets) {
    if (name == to_string(target)) return target;
  }
  return std::nullopt;
}

Result<TargetReport> target_report(Target target, const Graph& graph,
                                   const QuantizationPlan& plan) {
  TargetReport report;
  if (target == Target::kGeneric) return report;
  QUANT_TRY_ASSIGN(const std::vector<bool> host, partition(graph));
  std::vector<PrecisionMode> modes;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node)
    modes.push_back(plan.layer(node).precision);
  std::vector<Fault> faults =
      Check(graph, host, std::move(modes), std::vector<bool>(graph.nodes.size(), false)).run();
  for (const Fault& fault : faults) report.violations.push_back(fault.violation);
  report.fixes = find_fixes(graph, host, asked_of(graph, plan), std::move(faults));
  return report;
}

Status check_target(Target target, const Graph& graph, const QuantizationPlan& plan) {
  QUANT_TRY_ASSIGN(const TargetReport report, target_report(target, graph, plan));
  if (report.violations.empty()) return {};
  std::string text = fmt::format("{} layers or pairs of layers ask for what {} cannot do:",
                                 report.violations.size(), to_string(target));
  for (const TargetViolation& violation : report.violations)
    text += fmt::format("\n  {}: {}", violation.layers, violation.reason);
  text += "\nThese lines at the end of the script mend it (or --target generic):";
  for (const std::string& fix : report.fixes) text += "\n  " + fix;
  return fail(ErrorCode::kUnsupported, std::move(text));
}

}  // namespace quant
