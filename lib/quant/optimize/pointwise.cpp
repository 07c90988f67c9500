// SPDX-License-Identifier: MIT
#include "quant/optimize/pointwise.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "quant/graph/operator.h"
#include "quant/optimize/choose_params.h"
#include "quant/optimize/integer_form.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

bool is_chain_link(const Graph& graph, const Node& node) {
  if (integer_form(graph, node) == IntegerForm::kPointwise) return true;
  // Two values of the same root: x·f(x), x + f(x).
  switch (node.op) {
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      return activation_inputs(graph, node).size() == 2;
    default:
      return false;
  }
}

// The real value of every integer.
Tensor all_reals(const QuantParams& params) {
  Tensor reals(DataType::kFloat32, {params.type == DataType::kUint16 ? 65536 : 256});
  const auto data = reals.data<float>();
  for (std::size_t q = 0; q < data.size(); ++q)
    data[q] = (static_cast<float>(q) - params.zero_point[0]) * params.scale[0];
  return reals;
}

}  // namespace

PointwiseChains::PointwiseChains(const Graph& graph, const std::vector<bool>& host)
    : graph_(graph),
      producers_(producers(graph)),
      root_(graph.values.size()),
      materialized_(graph.values.size(), false) {
  for (std::size_t id = 0; id < root_.size(); ++id) root_[id] = static_cast<ValueId>(id);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (host[index] || !is_chain_link(graph, node)) continue;
    const std::vector<ValueId> inputs = activation_inputs(graph, node);
    const ValueId candidate = root(inputs.front());
    const bool one_root = std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      return root(id) == candidate && graph.value(id).shape == graph.value(candidate).shape;
    });
    const ValueId output = node.outputs[0];
    if (one_root && graph.value(output).shape == graph.value(candidate).shape) {
      root_[static_cast<std::size_t>(output)] = candidate;
    }
  }
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    const bool in_chain = !host[index] && root(node.outputs[0]) != node.outputs[0];
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      // A chain reads its root; what lies between exists only in its table.
      const ValueId read = in_chain ? root(id) : id;
      if (!in_chain || !graph.value(id).constant)
        materialized_[static_cast<std::size_t>(read)] = true;
    }
  }
  for (const ValueId id : graph.outputs) materialized_[static_cast<std::size_t>(id)] = true;
}

Result<Tensor> PointwiseChains::table(ValueId id, const QuantParams& input,
                                      const QuantParams& output,
                                      std::vector<std::string>& original_names) const {
  const Tensor reals = all_reals(input);
  const std::int64_t entries = reals.elements();
  // The nodes between root and id, in graph order.
  std::set<std::size_t> nodes;
  std::vector<ValueId> open = {id};
  while (!open.empty()) {
    const ValueId current = open.back();
    open.pop_back();
    if (current == root(id)) continue;
    const std::size_t producer = *producers_[static_cast<std::size_t>(current)];
    if (!nodes.insert(producer).second) continue;
    for (const ValueId next : activation_inputs(graph_, graph_.nodes[producer]))
      open.push_back(next);
  }
  std::map<ValueId, Tensor> known{{root(id), reals}};
  for (const std::size_t index : nodes) {
    const Node& node = graph_.nodes[index];
    std::vector<const Tensor*> inputs;
    for (const ValueId in : node.inputs) {
      if (in == kNoValue) {
        inputs.push_back(nullptr);
      } else if (const auto& constant = graph_.value(in).constant) {
        inputs.push_back(&*constant);
      } else {
        inputs.push_back(&known.at(in));
      }
    }
    QUANT_TRY_ASSIGN(std::vector<Tensor> outputs, evaluate_node(node, inputs));
    if (outputs[0].elements() != entries) {
      return fail(ErrorCode::kInternal, "an element-wise function changed its shape", node.name);
    }
    const ValueId made = node.outputs[0];
    const auto& quant = graph_.value(made).quant;
    const Tensor exact = outputs[0].reshaped({entries});
    known.insert_or_assign(made, quant && made != id ? rounded_to(exact, *quant) : exact);
    original_names.insert(original_names.end(), node.original_names.begin(),
                          node.original_names.end());
  }

  // An input that the float function cannot take (log of a negative) stands for no real value that
  // the network makes; it maps to zero.
  Tensor results = known.at(id).clone();
  for (float& real : results.data<float>()) real = std::isnan(real) ? 0.0F : real;
  return quantize_activation(results, output);
}

Tensor rounded_to(const Tensor& reals, const QuantParams& params) {
  const Tensor levels = quantize_activation(reals, params);
  const Tensor real_of = all_reals(params);
  Tensor result(DataType::kFloat32, reals.shape());
  visit_activation(levels, [&](const auto from) {
    for (std::size_t i = 0; i < from.size(); ++i)
      result.data<float>()[i] = real_of.data<float>()[from[i]];
  });
  return result;
}

Tensor requantization_table(const QuantParams& input, const QuantParams& output) {
  return quantize_activation(all_reals(input), output);
}

}  // namespace quant
