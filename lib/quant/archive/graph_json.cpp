// SPDX-License-Identifier: MIT
#include "quant/archive/graph_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <variant>

namespace quant {
namespace {

using nlohmann::json;

constexpr std::int64_t kMinInteger = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxRank = 16;

// ---- writing

json attribute_to_json(const Attribute& attribute, const std::string& label,
                       ParameterWriter& parameters) {
  json result = json::object();
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::int64_t>) {
          result["int"] = value;
        } else if constexpr (std::is_same_v<T, float>) {
          result["float"] = float_to_json(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          result["string"] = value;
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          result["ints"] = value;
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          result["floats"] = floats_to_json(value);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          result["strings"] = value;
        } else {
          static_assert(std::is_same_v<T, Tensor>);
          result["tensor"] = parameters.add(label, value);
        }
      },
      attribute);
  return result;
}

json quant_to_json(const QuantParams& quant) {
  return {{"type", to_string(quant.type)},
          {"scale", floats_to_json(quant.scale)},
          {"zero_point", floats_to_json(quant.zero_point)},
          {"axis", quant.axis},
          {"range", {float_to_json(quant.range_min), float_to_json(quant.range_max)}}};
}

json value_to_json(const Value& value, ParameterWriter& parameters) {
  json result = {{"name", value.name}, {"type", to_string(value.type)}, {"shape", value.shape}};
  if (value.constant) result["constant"] = parameters.add(value.name, *value.constant);
  if (value.quant) result["quant"] = quant_to_json(*value.quant);
  return result;
}

json node_to_json(const Node& node, ParameterWriter& parameters) {
  json attributes = json::object();
  for (const auto& [name, attribute] : node.attributes.all()) {
    attributes[name] = attribute_to_json(attribute, node.name + "." + name, parameters);
  }
  return {{"op", to_string(node.op)},
          {"name", node.name},
          {"original_names", node.original_names},
          {"inputs", node.inputs},
          {"outputs", node.outputs},
          {"attributes", std::move(attributes)}};
}

// ---- reading

Result<DataType> read_type(const JsonField& parent) {
  QUANT_TRY_ASSIGN(const JsonField field, parent.at("type"));
  QUANT_TRY_ASSIGN(const std::string name, field.text());
  const auto type = data_type_from_string(name);
  if (!type) return field.wrong(fmt::format("'{}' is no element type", name));
  return *type;
}

Result<Shape> read_shape(const JsonField& parent) {
  QUANT_TRY_ASSIGN(const JsonField field, parent.at("shape"));
  QUANT_TRY_ASSIGN(Shape shape, field.integers(-1, kMaxElements));
  if (shape.size() > kMaxRank)
    return field.wrong(fmt::format("has more than {} dimensions", kMaxRank));
  // An open size counts as 1: the known ones alone must not be absurd.
  Shape known = shape;
  std::replace(known.begin(), known.end(), std::int64_t{-1}, std::int64_t{1});
  if (auto count = checked_element_count(known); !count) {
    return field.wrong(std::move(count).error().message);
  }
  return shape;
}

struct IntegerLimits {
  float min;
  float max;
};

// Nothing for types that do not quantize.
std::optional<IntegerLimits> limits_of(DataType type) {
  switch (type) {
    case DataType::kUint8:
      return IntegerLimits{0, 255};
    case DataType::kInt8:
      return IntegerLimits{-128, 127};
    case DataType::kUint16:
      return IntegerLimits{0, 65535};
    case DataType::kInt16:
      return IntegerLimits{-32768, 32767};
    case DataType::kInt32:
      return IntegerLimits{-2147483648.0f, 2147483648.0f};
    case DataType::kInt64:
      return IntegerLimits{-9223372036854775808.0f, 9223372036854775808.0f};
    case DataType::kFloat32:
    case DataType::kFloat64:
    case DataType::kUint32:
    case DataType::kUint64:
    case DataType::kBool:
      return std::nullopt;
  }
  return std::nullopt;
}

Result<QuantParams> read_quant(const JsonField& field, const Value& value, bool is_input) {
  QuantParams quant;
  QUANT_TRY_ASSIGN(quant.type, read_type(field));
  const auto limits = limits_of(quant.type);
  if (quant.type != value.type || !limits) {
    return field.wrong(fmt::format("quantizes to {}, the tensor is {}", to_string(quant.type),
                                   to_string(value.type)));
  }
  QUANT_TRY_ASSIGN(const JsonField axis, field.at("axis"));
  QUANT_TRY_ASSIGN(const std::int64_t axis_index,
                   axis.integer(0, std::max<std::int64_t>(
                                       static_cast<std::int64_t>(value.shape.size()) - 1, 0)));
  quant.axis = static_cast<int>(axis_index);

  QUANT_TRY_ASSIGN(const JsonField scale, field.at("scale"));
  QUANT_TRY_ASSIGN(quant.scale, scale.numbers());
  QUANT_TRY_ASSIGN(const JsonField zero_point, field.at("zero_point"));
  QUANT_TRY_ASSIGN(quant.zero_point, zero_point.numbers());
  const auto count = static_cast<std::int64_t>(quant.scale.size());
  const std::int64_t along_axis =
      value.shape.empty() ? 1 : value.shape[static_cast<std::size_t>(quant.axis)];
  if (count != 1 && (count == 0 || count != along_axis)) {
    return scale.wrong(fmt::format("has {} values, the axis {}", count, along_axis));
  }
  if (quant.zero_point.size() != quant.scale.size())
    return zero_point.wrong("has another number of values than scale");
  for (const float number : quant.scale) {
    if (!std::isfinite(number) || number <= 0)
      return scale.wrong(fmt::format("{} is no scale", number));
  }
  constexpr float kMaxMean = 1e6f;
  for (const float number : quant.zero_point) {
    const bool inside =
        is_input ? std::abs(number) <= kMaxMean : number >= limits->min && number <= limits->max;
    if (!inside)
      return zero_point.wrong(fmt::format("{} is outside {}", number, to_string(quant.type)));
  }

  QUANT_TRY_ASSIGN(const JsonField range, field.at("range"));
  QUANT_TRY_ASSIGN(const std::vector<float> ends, range.numbers());
  if (ends.size() != 2 || !std::isfinite(ends[0]) || !std::isfinite(ends[1]) || ends[0] > ends[1]) {
    return range.wrong("is not two finite numbers in order");
  }
  quant.range_min = ends[0];
  quant.range_max = ends[1];
  return quant;
}

Result<Value> read_value(const JsonField& field, bool is_input, ParameterReader& parameters) {
  Value value;
  QUANT_TRY_ASSIGN(const JsonField name, field.at("name"));
  QUANT_TRY_ASSIGN(value.name, name.text());
  QUANT_TRY_ASSIGN(value.type, read_type(field));
  QUANT_TRY_ASSIGN(value.shape, read_shape(field));
  if (field.has("constant")) {
    QUANT_TRY_ASSIGN(const JsonField reference, field.at("constant"));
    QUANT_TRY_ASSIGN(const std::string member, reference.text());
    QUANT_TRY_ASSIGN(value.constant, parameters.take(member));
    if (value.constant->type() != value.type || value.constant->shape() != value.shape) {
      return reference.wrong(fmt::format(
          "{} holds {} {}, declared is {} {}", member, to_string(value.constant->type()),
          to_string(value.constant->shape()), to_string(value.type), to_string(value.shape)));
    }
  }
  if (field.has("quant")) {
    QUANT_TRY_ASSIGN(const JsonField quant, field.at("quant"));
    QUANT_TRY_ASSIGN(value.quant, read_quant(quant, value, is_input));
  }
  return value;
}

Result<Attribute> read_attribute(const JsonField& field, ParameterReader& parameters) {
  QUANT_TRY_ASSIGN(const auto fields, field.members());
  if (fields.size() != 1) return field.wrong("is not one value under its kind");
  const auto& [kind, content] = fields.front();
  // The conversion to Attribute is spelled out: a Result<T> does not become a Result of another
  // type by itself.
  const auto as_attribute = [](auto result) -> Result<Attribute> {
    if (!result) return tl::unexpected(std::move(result).error());
    return Attribute(std::move(*result));
  };
  if (kind == "int") return as_attribute(content.integer(kMinInteger, kMaxInteger));
  if (kind == "float") return as_attribute(content.number());
  if (kind == "string") return as_attribute(content.text());
  if (kind == "ints") return as_attribute(content.integers(kMinInteger, kMaxInteger));
  if (kind == "floats") return as_attribute(content.numbers());
  if (kind == "strings") return as_attribute(content.texts());
  if (kind == "tensor") {
    QUANT_TRY_ASSIGN(const std::string member, content.text());
    return as_attribute(parameters.take(member));
  }
  return field.wrong(fmt::format("'{}' is no kind of attribute", kind));
}

// Ids of existing values, or kNoValue where `optional`.
Result<std::vector<ValueId>> read_ids(const JsonField& parent, const std::string& name,
                                      std::size_t values, bool optional) {
  QUANT_TRY_ASSIGN(const JsonField field, parent.at(name));
  QUANT_TRY_ASSIGN(const std::vector<std::int64_t> ids,
                   field.integers(optional ? kNoValue : 0, static_cast<std::int64_t>(values) - 1));
  return std::vector<ValueId>(ids.begin(), ids.end());
}

Result<Node> read_node(const JsonField& field, std::size_t values, ParameterReader& parameters) {
  Node node;
  QUANT_TRY_ASSIGN(const JsonField op, field.at("op"));
  QUANT_TRY_ASSIGN(const std::string op_name, op.text());
  const auto kind = op_kind_from_string(op_name);
  if (!kind) return op.wrong(fmt::format("'{}' is no operator", op_name));
  node.op = *kind;
  QUANT_TRY_ASSIGN(const JsonField name, field.at("name"));
  QUANT_TRY_ASSIGN(node.name, name.text());
  QUANT_TRY_ASSIGN(const JsonField original_names, field.at("original_names"));
  QUANT_TRY_ASSIGN(node.original_names, original_names.texts());
  QUANT_TRY_ASSIGN(node.inputs, read_ids(field, "inputs", values, true));
  QUANT_TRY_ASSIGN(node.outputs, read_ids(field, "outputs", values, true));
  QUANT_TRY_ASSIGN(const JsonField attributes, field.at("attributes"));
  QUANT_TRY_ASSIGN(const auto attribute_fields, attributes.members());
  for (const auto& [attribute_name, attribute_field] : attribute_fields) {
    QUANT_TRY_ASSIGN(Attribute attribute, read_attribute(attribute_field, parameters));
    node.attributes.set(attribute_name, std::move(attribute));
  }
  return node;
}

}  // namespace

json graph_to_json(const Graph& graph, ParameterWriter& parameters) {
  json values = json::array();
  for (const Value& value : graph.values) values.push_back(value_to_json(value, parameters));
  json nodes = json::array();
  for (const Node& node : graph.nodes) nodes.push_back(node_to_json(node, parameters));
  return {{"name", graph.name},
          {"inputs", graph.inputs},
          {"outputs", graph.outputs},
          {"values", std::move(values)},
          {"nodes", std::move(nodes)}};
}

Result<Graph> graph_from_json(const JsonField& field, ParameterReader& parameters) {
  Graph graph;
  QUANT_TRY_ASSIGN(const JsonField name, field.at("name"));
  QUANT_TRY_ASSIGN(graph.name, name.text());
  QUANT_TRY_ASSIGN(const JsonField values, field.at("values"));
  QUANT_TRY_ASSIGN(const std::vector<JsonField> value_fields, values.items());
  QUANT_TRY_ASSIGN(graph.inputs, read_ids(field, "inputs", value_fields.size(), false));
  QUANT_TRY_ASSIGN(graph.outputs, read_ids(field, "outputs", value_fields.size(), false));
  std::vector<bool> is_input(value_fields.size(), false);
  for (const ValueId id : graph.inputs) is_input[static_cast<std::size_t>(id)] = true;
  for (const JsonField& value_field : value_fields) {
    const bool input = is_input[graph.values.size()];
    QUANT_TRY_ASSIGN(graph.values.emplace_back(), read_value(value_field, input, parameters));
  }
  QUANT_TRY_ASSIGN(const JsonField nodes, field.at("nodes"));
  QUANT_TRY_ASSIGN(const std::vector<JsonField> node_fields, nodes.items());
  for (const JsonField& node_field : node_fields) {
    QUANT_TRY_ASSIGN(graph.nodes.emplace_back(),
                     read_node(node_field, graph.values.size(), parameters));
  }
  if (auto status = verify(graph); !status)
    return fail_with_context(std::move(status).error(), field.path());
  return graph;
}

}  // namespace quant
