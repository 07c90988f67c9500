// SPDX-License-Identifier: MIT
#include "quant/optimize/frame_tables.h"

#include <algorithm>
#include <cstring>

#include "quant/graph/operator.h"
#include "quant/optimize/choose_params.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/pointwise.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

// A function of one pixel value, which may differ from channel to channel.
bool is_by_pixel(const Graph& graph, const Node& node) {
  const std::vector<ValueId> inputs = activation_inputs(graph, node);
  if (inputs.size() != 1 || node.outputs.size() != 1 ||
      graph.value(inputs[0]).shape != graph.value(node.outputs[0]).shape)
    return false;
  if (integer_form(graph, node) == IntegerForm::kPointwise) return true;
  switch (node.op) {
    case OpKind::kNormalization:
      return true;
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv: {
      const ValueId other = node.inputs[node.inputs[0] == inputs[0] ? 1 : 0];
      return is_channel_constant(graph, other, graph.value(inputs[0]).shape[1]);
    }
    default:
      return false;
  }
}

// Every pixel value of every channel: (1, C, 16, 16).
Tensor all_pixels(std::int64_t channels) {
  Tensor pixels(DataType::kFloat32, {1, channels, 16, 16});
  const auto data = pixels.data<float>();
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 256);
  return pixels;
}

// What the model quantizes on the way is rounded there.
Result<Tensor> run(const Graph& graph, const std::vector<std::size_t>& nodes, Tensor pixels) {
  for (const std::size_t index : nodes) {
    const Node& node = graph.nodes[index];
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs) {
      const bool constant = id != kNoValue && graph.value(id).constant;
      inputs.push_back(id == kNoValue ? nullptr : constant ? &*graph.value(id).constant : &pixels);
    }
    QUANT_TRY_ASSIGN(std::vector<Tensor> outputs, evaluate_node(node, inputs));
    pixels = std::move(outputs[0]);
    const auto& quant = graph.value(node.outputs[0]).quant;
    if (quant && index != nodes.back()) pixels = rounded_to(pixels, *quant);
  }
  return pixels;
}

QuantParams of_channel(QuantParams params, std::size_t channel) {
  if (!params.per_channel()) return params;
  params.scale = {params.scale[channel]};
  params.zero_point = {params.zero_point[channel]};
  return params;
}

}  // namespace

bool FrameTables::identity() const {
  return std::all_of(tables.begin(), tables.end(), [](const Tensor& table) {
    if (table.type() != DataType::kUint8) return false;
    const auto entries = table.data<std::uint8_t>();
    for (std::size_t pixel = 0; pixel < entries.size(); ++pixel) {
      if (entries[pixel] != pixel) return false;
    }
    return true;
  });
}

Result<std::optional<FrameTables>> frame_tables(const Graph& graph, const std::vector<bool>& host) {
  const std::optional<FrameTables> none;
  if (graph.value(graph.inputs[0]).shape.size() != 4) return none;
  const Topology topology(graph);
  std::vector<std::size_t> nodes;
  FrameTables result;
  for (ValueId value = graph.inputs[0];;) {
    const auto reader = topology.only_reader(value);
    if (!reader || host[*reader] || !is_by_pixel(graph, graph.nodes[*reader])) break;
    nodes.push_back(*reader);
    value = graph.nodes[*reader].outputs[0];
    if (!graph.value(value).quant) continue;
    result.value = value;
    result.nodes = nodes;
    if (graph.value(value).quant->per_channel()) break;
  }
  if (result.value == kNoValue) return none;
  const std::int64_t channels = graph.value(graph.inputs[0]).shape[1];
  QUANT_TRY_ASSIGN(const Tensor reals, run(graph, result.nodes, all_pixels(channels)));
  const Tensor planes = reals.reshaped({channels, 256});
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    const Tensor plane = Tensor::from<float>({256}, planes.data<float>().subspan(c * 256, 256));
    result.tables.push_back(
        quantize_activation(plane, of_channel(*graph.value(result.value).quant, c)));
  }
  return std::optional<FrameTables>(std::move(result));
}

}  // namespace quant
