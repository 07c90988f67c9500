// SPDX-License-Identifier: MIT
#include "quant/analyze/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "quant/graph/integer_attributes.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

Json describe_node(const Node& node) {
  return {{"name", node.name}, {"op", to_string(node.op)}, {"original_names", node.original_names}};
}

Json describe_value(const Value& value) {
  return {{"name", value.name}, {"type", to_string(value.type)}, {"shape", value.shape}};
}

void add_params(Json& json, const QuantParams& params) {
  json["scale"] = params.scale;
  json["zero_point"] = params.zero_point;
  json["range"] = {params.range_min, params.range_max};
}

// "int4", "int8" or "int16" of a layer that multiplies by quantized weights, "" of others.
std::string weight_type(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 3 || node.inputs[1] == kNoValue) return {};
  const Value& weights = graph.value(node.inputs[1]);
  const bool integers = weights.type == DataType::kInt8 || weights.type == DataType::kInt16;
  if (!weights.constant || !weights.quant || !integers) return {};
  return node.attributes.integer(kWeightBits, 8) == 4 ? "int4" : to_string(weights.type);
}

std::string joined(const Json& list, std::string_view separator) {
  std::string text;
  for (const Json& entry : list) {
    if (!text.empty()) text += separator;
    text += entry.is_string() ? entry.get<std::string>() : entry.dump();
  }
  return text;
}

std::string shape_text(const Json& shape) { return shape.empty() ? "scalar" : joined(shape, "x"); }

// Real values of a parameter list, shortened where there is one a channel.
std::string number_text(const Json& values) {
  const std::string first = fmt::format("{:.6g}", values.at(0).get<double>());
  return values.size() == 1 ? first : first + fmt::format(" … ({})", values.size());
}

void append_layers(std::string& text, const Json& layers) {
  std::size_t name_width = 5;
  for (const Json& layer : layers)
    name_width = std::max(name_width, layer["name"].get<std::string>().size());
  for (const Json& layer : layers) {
    text += fmt::format("  {:<{}}  {:<22}", layer["name"].get<std::string>(), name_width,
                        layer["op"].get<std::string>());
    if (layer.contains("shape")) text += fmt::format("  {:<16}", shape_text(layer["shape"]));
    if (layer.contains("type")) {
      const std::string weights = layer.value("weights", "");
      std::string types = layer["type"].get<std::string>();
      if (!weights.empty()) types += " by " + weights;
      if (layer.contains("weight_group_size"))
        types += fmt::format("/{}", layer["weight_group_size"].get<std::int64_t>());
      text += fmt::format("  {:<16}", types);
    }
    if (layer.contains("scale")) {
      text += fmt::format("  scale {:<12} zero {:<5} range [{:.4g}, {:.4g}]",
                          number_text(layer["scale"]), number_text(layer["zero_point"]),
                          layer["range"][0].get<double>(), layer["range"][1].get<double>());
    }
    if (layer.contains("kernels") && !layer["kernels"].empty())
      text += "  " + joined(layer["kernels"], ", ");
    if (layer.contains("live_bytes"))
      text += fmt::format(", {} KiB live", (layer["live_bytes"].get<std::size_t>() + 1023) / 1024);
    text += "  <- " + joined(layer["original_names"], ", ") + "\n";
  }
}

Json describe_input(const InputSpec& input, const Graph& integer) {
  if (input.is_image()) {
    return {{"name", input.name},     {"width", input.width},
            {"height", input.height}, {"color", to_string(input.color)},
            {"mean", input.mean},     {"std", input.std}};
  }
  Json features = Json::array();
  for (const ValueId id : integer.inputs) {
    Json feature = describe_value(integer.value(id));
    add_params(feature, *integer.value(id).quant);
    features.push_back(std::move(feature));
  }
  return {{"features", std::move(features)}};
}

}  // namespace

Result<Json> inspect_model(const Model& model) {
  QUANT_TRY_ASSIGN(const auto plan, model.plan());
  const Graph& graph = model.integer_graph();
  Json report = {{"file", model.path()},
                 {"input", describe_input(model.input(), graph)},
                 {"isa", to_string(plan->isa())}};
  std::size_t weights = 0;
  for (const Value& value : graph.values) {
    if (value.constant) weights += value.constant->bytes();
  }
  report["memory"] = {{"weights_bytes", weights},
                      {"arena_bytes", plan->arena_bytes()},
                      {"scratch_bytes", plan->scratch_bytes(1)}};
  std::map<std::string, std::vector<std::string>> kernels;
  std::map<std::string, std::size_t> live;
  for (const IntegerStep& step : plan->steps()) {
    live[step.layer] = std::max(live[step.layer], step.live_bytes);
    auto& list = kernels[step.layer];
    if (std::find(list.begin(), list.end(), step.kernel) == list.end()) list.push_back(step.kernel);
  }
  report["layers"] = Json::array();
  for (const Node& node : graph.nodes) {
    Json layer = describe_node(node);
    const Value& output = graph.value(node.outputs[0]);
    layer["shape"] = output.shape;
    layer["type"] = to_string(output.type);
    if (const std::string by = weight_type(graph, node); !by.empty()) layer["weights"] = by;
    if (node.attributes.has(kWeightGroupSize))
      layer["weight_group_size"] = node.attributes.integer(kWeightGroupSize, 0);
    add_params(layer, *output.quant);
    layer["kernels"] = kernels[node.name];
    if (const auto bytes = live.find(node.name); bytes != live.end())
      layer["live_bytes"] = bytes->second;
    report["layers"].push_back(std::move(layer));
  }
  report["raw_outputs"] = Json::array();
  for (const ValueId id : graph.outputs) {
    Json raw = describe_value(graph.value(id));
    add_params(raw, *graph.value(id).quant);
    report["raw_outputs"].push_back(std::move(raw));
  }
  report["host_layers"] = Json::array();
  for (const Node& node : model.host_graph().nodes)
    report["host_layers"].push_back(describe_node(node));
  report["outputs"] = Json::array();
  for (const ValueId id : model.host_graph().outputs)
    report["outputs"].push_back(describe_value(model.host_graph().value(id)));
  const CalibrationStatistics& calibration = model.archive().calibration;
  report["calibration"] = {{"method", calibration.method},
                           {"images", calibration.images},
                           {"skipped", calibration.skipped},
                           {"repeated", calibration.repeated},
                           {"single_color", calibration.single_color}};
  report["options"] = model.archive().options;
  return report;
}

Json inspect_graph(const Graph& graph) {
  Json report = {{"file", graph.name},
                 {"inputs", Json::array()},
                 {"layers", Json::array()},
                 {"outputs", Json::array()}};
  for (const ValueId id : graph.inputs) report["inputs"].push_back(describe_value(graph.value(id)));
  for (const Node& node : graph.nodes) {
    Json layer = describe_node(node);
    layer["shape"] = graph.value(node.outputs[0]).shape;
    report["layers"].push_back(std::move(layer));
  }
  for (const ValueId id : graph.outputs)
    report["outputs"].push_back(describe_value(graph.value(id)));
  return report;
}

namespace {

void append_input(std::string& text, const Json& input) {
  if (!input.contains("features")) {
    text += fmt::format("input  {}  {}x{} {} uint8, mean {}, std {}\n",
                        input["name"].get<std::string>(), input["width"].get<int>(),
                        input["height"].get<int>(), input["color"].get<std::string>(),
                        joined(input["mean"], " "), joined(input["std"], " "));
    return;
  }
  for (const Json& feature : input["features"]) {
    text += fmt::format("input  {}  {} {}  scale {} zero {}\n", feature["name"].get<std::string>(),
                        feature["type"].get<std::string>(), shape_text(feature["shape"]),
                        number_text(feature["scale"]), number_text(feature["zero_point"]));
  }
}

}  // namespace

std::string inspection_text(const Json& report) {
  std::string text = report["file"].get<std::string>() + "\n";
  if (report.contains("input")) {
    append_input(text, report["input"]);
    const Json& memory = report["memory"];
    text += fmt::format("kernels {}; weights {} KiB, activations {} KiB, scratch {} KiB\n",
                        report["isa"].get<std::string>(),
                        memory["weights_bytes"].get<std::size_t>() / 1024,
                        memory["arena_bytes"].get<std::size_t>() / 1024,
                        memory["scratch_bytes"].get<std::size_t>() / 1024);
    const Json& calibration = report["calibration"];
    const auto images = calibration["images"].get<std::int64_t>();
    const auto method = calibration["method"].get<std::string>();
    if (method != "imported") {
      text += fmt::format("calibrated on {} frames, ranges by {}\n", images, method);
    } else {
      text += "quantization imported from the model";
      text += images > 0 ? fmt::format(", what it leaves open calibrated on {} frames\n", images)
                         : "\n";
    }
  } else {
    for (const Json& input : report["inputs"]) {
      text += fmt::format("input  {}  {} {}\n", input["name"].get<std::string>(),
                          input["type"].get<std::string>(), shape_text(input["shape"]));
    }
  }
  text += "\nlayers\n";
  append_layers(text, report["layers"]);
  if (report.contains("raw_outputs")) {
    text += "\nraw outputs\n";
    for (const Json& raw : report["raw_outputs"]) {
      text += fmt::format("  {}  {} {}  scale {} zero {}\n", raw["name"].get<std::string>(),
                          raw["type"].get<std::string>(), shape_text(raw["shape"]),
                          number_text(raw["scale"]), number_text(raw["zero_point"]));
    }
    text += "\n---- integers above, float on the host below ----\n";
    if (report["host_layers"].empty()) {
      text += "  dequantization only\n";
    } else {
      append_layers(text, report["host_layers"]);
    }
  }
  text += "\noutputs\n";
  for (const Json& output : report["outputs"]) {
    text += fmt::format("  {}  {} {}\n", output["name"].get<std::string>(),
                        output["type"].get<std::string>(), shape_text(output["shape"]));
  }
  return text;
}

}  // namespace quant
