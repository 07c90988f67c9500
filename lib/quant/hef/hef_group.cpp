// SPDX-License-Identifier: MIT
#include "quant/hef/hef_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "quant/hef/hef_host_operation.h"
#include "quant/hef/hef_names.h"
#include "quant/hef/hef_stream.h"
#include "quant/hef/hef_view.h"

namespace quant {
namespace {

namespace messages = gst_quant_hef;
using Names = google::protobuf::RepeatedPtrField<std::string>;

constexpr std::uint32_t kBoundary = 0;  // Connection.kind: between device and host
constexpr std::uint32_t kToHost = 1;    // Edge.direction

// The fields that a group, a core operation and their arrangements have in common.
struct CoreFields {
  template <typename Message>
  explicit CoreFields(const Message& message)
      : metadata(message.metadata()),
        contexts(message.contexts()),
        sorted_outputs(message.sorted_outputs()),
        fused(message.fused()),
        networks(message.networks()) {}

  const messages::Metadata& metadata;
  const google::protobuf::RepeatedPtrField<messages::Context>& contexts;
  const Names& sorted_outputs;
  const messages::Fused& fused;
  const Names& networks;
};

struct Core {
  CoreFields whole;
  CoreFields chosen;  // the arrangement that is described, or the whole
  std::int64_t arrangements = 1;
  bool in_operation = false;
};

Core core_of(const messages::Group& group, const HefRules& rules, std::uint32_t architecture) {
  const auto operation =
      std::find_if(group.operations().begin(), group.operations().end(),
                   [](const messages::Operation& candidate) { return candidate.has_core(); });
  const bool has_operation = operation != group.operations().end();
  const bool in_operation =
      has_operation &&
      (rules.net_flow || (group.contexts().empty() && group.partial_groups().empty()));
  const CoreFields whole = in_operation ? CoreFields(operation->core()) : CoreFields(group);
  const auto& partials = in_operation ? operation->core().partials() : group.partial_groups();
  Core core{whole, whole, 1, in_operation};
  if (partials.empty() || (!has_arrangements(architecture) && !whole.contexts.empty())) return core;
  // The runtime describes the one of the lowest clusters, too.
  const auto first =
      std::min_element(partials.begin(), partials.end(),
                       [](const messages::PartialGroup& a, const messages::PartialGroup& b) {
                         return a.arrangement().clusters() < b.arrangement().clusters();
                       });
  return {whole, CoreFields(first->core()), partials.size(), in_operation};
}

std::string name_of(const messages::Group& group, const Core& core) {
  if (!group.partial_groups().empty() && !group.partial_groups(0).core().metadata().name().empty())
    return group.partial_groups(0).core().metadata().name();
  for (const std::string* name :
       {&group.metadata().name(), &core.chosen.metadata.name(), &core.whole.metadata.name()}) {
    if (!name->empty()) return *name;
  }
  return group.name();
}

const messages::Fused& fused_of(const Core& core) {
  return core.chosen.fused.used() ? core.chosen.fused : core.whole.fused;
}

// Generations of compilers kept it in different places.
const Names& sorted_outputs_of(const messages::Group& group, const Core& core) {
  const messages::Fused& fused = fused_of(core);
  if (fused.used()) return fused.sorted_outputs();
  if (!core.in_operation && !core.chosen.sorted_outputs.empty()) return core.chosen.sorted_outputs;
  if (!group.sorted_outputs().empty()) return group.sorted_outputs();
  if (!core.chosen.sorted_outputs.empty()) return core.chosen.sorted_outputs;
  return core.chosen.contexts.rbegin()->metadata().sorted_outputs();
}

class GroupReader {
 public:
  GroupReader(const messages::Group& group, const HefRules& rules, std::uint32_t architecture)
      : message_(group), rules_(rules), core_(core_of(group, rules, architecture)) {}

  Result<HefGroup> read() {
    QUANT_TRY_ASSIGN(group_.name, text_of(name_of(message_, core_), "a network group's name"));
    if (core_.chosen.contexts.empty()) return fail(ErrorCode::kInvalidData, "holds no network");
    group_.contexts = core_.chosen.contexts.size();
    group_.arrangements = core_.arrangements;
    QUANT_TRY(read_networks());
    for (int i = 0; i < core_.chosen.contexts.size(); ++i) QUANT_TRY(read_context(i));
    QUANT_TRY(read_views());
    return std::move(group_);
  }

  const std::string& name() const { return group_.name; }

 private:
  Status read_networks() {
    if (rules_.several_networks) {
      for (const std::string& network : core_.chosen.networks) {
        QUANT_TRY_ASSIGN(const std::string name, text_of(network, "a network's name"));
        group_.networks.push_back(group_.name + "/" + name);
      }
    }
    if (group_.networks.empty()) group_.networks.push_back(group_.name + "/" + group_.name);
    return {};
  }

  Status read_context(int index) {
    for (const messages::Edge& edge : core_.chosen.contexts[index].metadata().edges()) {
      if (edge.connection().kind() != kBoundary) continue;
      const std::uint32_t network = rules_.several_networks ? edge.network() : 0;
      if (network >= group_.networks.size()) {
        return fail(ErrorCode::kInvalidData, fmt::format("has a stream of network {} among {}",
                                                         network, group_.networks.size()));
      }
      const HefStreamSetting setting{
          rules_, core_.chosen.metadata.transposed(),
          edge.direction() == kToHost ? HefDirection::kOutput : HefDirection::kInput,
          group_.networks[network], index};
      QUANT_TRY_ASSIGN(HefStream stream, read_stream(edge, setting));
      if (!names_.insert(stream.name).second) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("has two streams that are called {}", stream.name));
      }
      if (edge.has_pad() && stream.direction == HefDirection::kOutput)
        pads_.emplace_back(edge.pad(), group_.streams.size());
      group_.streams.push_back(std::move(stream));
    }
    return {};
  }

  // Fills host_operations, and in streams who takes them.
  Status read_operations(std::vector<HefView>& outputs) {
    if (!core_.in_operation) return {};
    std::map<std::uint32_t, const HefStream*> streams_by_pad;
    for (const auto& [pad, index] : pads_) streams_by_pad.emplace(pad, &group_.streams[index]);
    std::map<std::uint32_t, std::uint32_t> edges;
    for (const messages::PadEdge& edge : message_.pad_edges())
      edges.emplace(edge.to(), edge.from());
    std::unordered_map<std::string, std::string> takers;
    for (const messages::Operation& operation : message_.operations()) {
      QUANT_TRY_ASSIGN(auto result, read_host_operation(operation, streams_by_pad, edges,
                                                        group_.name + "/" + group_.name));
      if (!result) continue;
      for (const std::string& stream : result->operation.streams)
        takers.emplace(stream, result->operation.name);
      group_.host_operations.push_back(std::move(result->operation));
      outputs.push_back(std::move(result->view));
    }
    for (HefStream& stream : group_.streams) {
      if (const auto taker = takers.find(stream.name); taker != takers.end())
        stream.host_operation = taker->second;
    }
    return {};
  }

  Status read_views() {
    std::vector<HefView> from_operations;
    QUANT_TRY(read_operations(from_operations));
    std::vector<HefView> outputs;
    std::set<std::string> seen;  // pieces of one output give one view
    for (const HefStream& stream : group_.streams) {
      if (!stream.host_operation.empty()) continue;
      QUANT_TRY_ASSIGN(std::vector<HefView> views, views_of(stream, fused_of(core_)));
      for (HefView& view : views) {
        if (stream.direction == HefDirection::kInput)
          group_.views.push_back(std::move(view));
        else if (seen.insert(view.name).second)
          outputs.push_back(std::move(view));
      }
    }
    std::move(from_operations.begin(), from_operations.end(), std::back_inserter(outputs));
    std::unordered_map<std::string, int> places;
    const Names& sorted = sorted_outputs_of(message_, core_);
    for (int i = 0; i < sorted.size(); ++i) places.emplace(sorted[i], i);
    const auto place = [&](const HefView& view) {
      const auto found = places.find(view.name);
      return found == places.end() ? sorted.size() : found->second;
    };
    std::stable_sort(outputs.begin(), outputs.end(),
                     [&](const HefView& a, const HefView& b) { return place(a) < place(b); });
    std::move(outputs.begin(), outputs.end(), std::back_inserter(group_.views));
    return {};
  }

  const messages::Group& message_;
  const HefRules& rules_;
  Core core_;
  HefGroup group_;
  std::set<std::string> names_;
  std::vector<std::pair<std::uint32_t, std::size_t>> pads_;  // pad and stream
};

}  // namespace

Result<HefGroup> read_group(const messages::Group& group, const HefRules& rules,
                            std::uint32_t architecture) {
  GroupReader reader(group, rules, architecture);
  auto read = reader.read();
  if (read) return read;
  Error error = std::move(read).error();
  const std::string name = reader.name();
  error.context = error.context.empty() ? name : name + ", " + error.context;
  return tl::unexpected(std::move(error));
}

}  // namespace quant
