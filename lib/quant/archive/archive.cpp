// SPDX-License-Identifier: MIT
#include "quant/archive/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "quant/archive/calibration_json.h"
#include "quant/archive/graph_json.h"
#include "quant/archive/manifest.h"
#include "quant/archive/tar.h"
#include "quant/graph/operator.h"

namespace quant {
namespace {

constexpr const char* kGraphName = "graph.json";
constexpr const char* kCalibrationName = "calibration.json";
constexpr const char* kScriptName = "script.alls";
constexpr const char* kOnnxName = "original.onnx";

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// That the host graph's operators make what it declares. The integer graph's are IntegerPlan's to
// check.
Status check_host_shapes(const Graph& host) {
  Graph inferred = host;
  QUANT_TRY(infer_shapes(inferred));
  for (std::size_t id = 0; id < host.values.size(); ++id) {
    const Value& declared = host.values[id];
    const Value& made = inferred.values[id];
    // Where inference leaves a size open, data decides.
    const bool fits = declared.type == made.type &&
                      std::equal(declared.shape.begin(), declared.shape.end(), made.shape.begin(),
                                 made.shape.end(),
                                 [](std::int64_t a, std::int64_t b) { return a == b || b < 0; });
    if (!fits) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("is declared as {} {}, but its operator makes {} {}",
                              to_string(declared.type), to_string(declared.shape),
                              to_string(made.type), to_string(made.shape)),
                  declared.name);
    }
  }
  return {};
}

// The integer graph takes what the description of its input says.
Status check_inputs(const InputSpec& spec, const Graph& integer) {
  const auto wrong = [](std::string what, const std::string& where) -> Status {
    return fail(ErrorCode::kInvalidData, std::move(what), where);
  };
  if (integer.inputs.size() != std::max<std::size_t>(1, spec.features.size()))
    return wrong(spec.is_image() ? "the integer graph has not one input"
                                 : "the integer graph has not as many inputs as the model",
                 integer.name);
  for (std::size_t i = 0; i < integer.inputs.size(); ++i) {
    const Value& input = integer.value(integer.inputs[i]);
    const Shape shape = spec.is_image() ? Shape{1, spec.channels(), spec.height, spec.width}
                                        : spec.features[i].shape;
    const bool wide = !spec.is_image() && input.type == DataType::kUint16;
    const bool plain = spec.is_image() || (input.quant && input.quant->is_plain());
    const bool named = spec.is_image() || input.name == spec.features[i].name;
    if ((input.type != DataType::kUint8 && !wide) || input.shape != shape || input.constant ||
        !named || !plain) {
      return wrong(
          fmt::format("the integer graph takes {} {}, {} {}", to_string(input.type),
                      to_string(input.shape),
                      spec.is_image() ? "a frame is uint8"
                                      : fmt::format("the features '{}' are", spec.features[i].name),
                      to_string(shape)),
          input.name);
    }
  }
  return {};
}

// What the rest of the library takes for granted of the two graphs together.
Status check_model(const QuantizedModel& model) {
  const auto wrong = [](std::string what, const std::string& where) {
    return fail(ErrorCode::kInvalidData, std::move(what), where);
  };
  const Graph& integer = model.integer;
  const Graph& host = model.host;
  QUANT_TRY(verify(model.input));
  QUANT_TRY(verify(integer));
  QUANT_TRY(verify(host));

  QUANT_TRY(check_inputs(model.input, integer));
  for (const Value& value : integer.values) {
    if (!is_static(value.shape)) return wrong("has an open size in the integer graph", value.name);
    if (!value.constant && !value.quant) return wrong("has no quantization parameters", value.name);
  }
  if (host.inputs.size() != integer.outputs.size()) {
    return wrong(fmt::format("the host graph takes {} tensors, the integer graph makes {}",
                             host.inputs.size(), integer.outputs.size()),
                 host.name);
  }
  for (std::size_t i = 0; i < host.inputs.size(); ++i) {
    const Value& raw = integer.value(integer.outputs[i]);
    const Value& real = host.value(host.inputs[i]);
    if (real.name != raw.name || real.shape != raw.shape || real.type != DataType::kFloat32 ||
        real.constant) {
      return wrong(
          fmt::format("the host graph takes {} {} '{}' here, the integer graph makes {} '{}'",
                      to_string(real.type), to_string(real.shape), real.name, to_string(raw.shape),
                      raw.name),
          host.name);
    }
  }
  if (host.outputs.empty()) return wrong("the model has no output", host.name);
  for (const ValueId id : host.outputs) {
    if (host.value(id).constant)
      return wrong("an output of the model is a constant", host.value(id).name);
  }
  return check_host_shapes(host);
}

Result<MemberMap> make_members(const Archive& archive) {
  ParameterWriter parameters;
  nlohmann::json graphs = nlohmann::json::object();
  graphs["integer"] = graph_to_json(archive.model.integer, parameters);
  graphs["host"] = graph_to_json(archive.model.host, parameters);
  QUANT_TRY_ASSIGN(const std::string graph_text, dump_json(graphs, 1));
  QUANT_TRY_ASSIGN(const std::string calibration_text,
                   dump_json(calibration_to_json(archive.calibration), 1));

  MemberMap members = parameters.take();
  members[kGraphName] = bytes_of(graph_text);
  members[kCalibrationName] = bytes_of(calibration_text);
  members[kScriptName] = bytes_of(archive.script);
  members[kOnnxName] = archive.original_onnx;
  QUANT_TRY_ASSIGN(const std::string manifest, write_manifest(archive, members));
  members[kManifestName] = bytes_of(manifest);
  return members;
}

// Parses a member that check_members saw to be whole; errors name it and the field in it.
template <typename T, typename Parse>
Status read_json_member(const MemberMap& members, const char* name, T& target, Parse parse) {
  const auto found = members.find(name);
  if (found == members.end()) return fail(ErrorCode::kInvalidData, "this member is missing", name);
  auto document = parse_json(found->second);
  if (!document) return fail_with_context(std::move(document).error(), name);
  auto parsed = parse(JsonField(*document));
  if (!parsed) return fail_with_context(std::move(parsed).error(), name);
  target = std::move(*parsed);
  return {};
}

Result<Archive> parse_members(MemberMap members) {
  Archive archive;
  QUANT_TRY(read_manifest(members, archive));
  QUANT_TRY(
      read_json_member(members, kCalibrationName, archive.calibration, calibration_from_json));
  for (const char* const name : {kScriptName, kOnnxName}) {
    if (!members.contains(name))
      return fail(ErrorCode::kInvalidData, "this member is missing", name);
  }
  const std::vector<std::byte>& script = members[kScriptName];
  archive.script.assign(reinterpret_cast<const char*>(script.data()), script.size());
  archive.original_onnx = std::move(members[kOnnxName]);

  MemberMap graph_member;
  if (auto member = members.extract(kGraphName)) graph_member.insert(std::move(member));
  ParameterReader parameters(std::move(members));
  const auto parse_graphs = [&](const JsonField& field) -> Result<QuantizedModel> {
    QuantizedModel model;
    model.input = archive.model.input;
    QUANT_TRY_ASSIGN(const JsonField integer, field.at("integer"));
    QUANT_TRY_ASSIGN(model.integer, graph_from_json(integer, parameters));
    QUANT_TRY_ASSIGN(const JsonField host, field.at("host"));
    QUANT_TRY_ASSIGN(model.host, graph_from_json(host, parameters));
    QUANT_TRY(check_model(model));
    return model;
  };
  QUANT_TRY(read_json_member(graph_member, kGraphName, archive.model, parse_graphs));
  return archive;
}

}  // namespace

Status write_archive(const std::filesystem::path& path, const Archive& archive) {
  if (auto status = check_model(archive.model); !status) {
    Error error = std::move(status).error();
    error.code = ErrorCode::kInvalidArgument;
    return fail_with_context(std::move(error), path.string());
  }
  auto members = make_members(archive);
  if (!members) return fail_with_context(std::move(members).error(), path.string());
  // First what people look at, last what is large.
  std::vector<TarMember> ordered;
  for (const char* const name : {kManifestName, kGraphName, kCalibrationName, kScriptName}) {
    ordered.push_back({name, members->at(name)});
  }
  for (const auto& [name, bytes] : *members) {
    if (name.starts_with("params/")) ordered.push_back({name, bytes});
  }
  ordered.push_back({kOnnxName, members->at(kOnnxName)});
  return write_tar(path, ordered);
}

Result<Archive> read_archive(const std::filesystem::path& path) {
  QUANT_TRY_ASSIGN(MemberMap members, read_tar(path));
  auto archive = parse_members(std::move(members));
  if (!archive) return fail_with_context(std::move(archive).error(), path.string());
  return archive;
}

}  // namespace quant
