// SPDX-License-Identifier: MIT
// What a device can compute, as far as its public facts say; docs/targets.md has the sources.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"

namespace quant {

enum class Target {
  kGeneric,  // everything that the integer arithmetic has
  kHailo8,
  kHailo8l,  // as kHailo8: the public facts name no difference in precision
};
const char* to_string(Target target);  // "generic", "hailo8", "hailo8l"
std::optional<Target> target_from_string(std::string_view name);

// One thing in a plan that the target cannot do.
struct TargetViolation {
  std::string layers;  // "fc3", or "fc3 and matmul1" where the change between them is at fault
  std::string reason;
  bool operator==(const TargetViolation&) const = default;
};

struct TargetReport {
  std::vector<TargetViolation> violations;  // all, in the order of the graph
  // Lines that, at the end of the model script, leave no violation.
  std::vector<std::string> fixes;
};

// `graph` is fp-optimized, `plan` by its nodes. Layers that run on the host do not count. Errors:
// those of partition().
Result<TargetReport> target_report(Target target, const Graph& graph, const QuantizationPlan& plan);

// Unsupported, with every violation on a line of its own and the fixes at the end; ok where there
// is none.
Status check_target(Target target, const Graph& graph, const QuantizationPlan& plan);

}  // namespace quant
