// SPDX-License-Identifier: MIT
#include "quant/analyze/hef_inspection.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

const char* direction_name(HefDirection direction) {
  return direction == HefDirection::kInput ? "input" : "output";
}

const char* content_name(HefContent content) {
  switch (content) {
    case HefContent::kTensor:
      return "tensor";
    case HefContent::kImage:
      return "image";
    case HefContent::kBoxes:
      return "boxes";
    case HefContent::kMux:
      return "mux";
    case HefContent::kPlanes:
      return "planes";
    case HefContent::kUnknown:
      return "unknown";
  }
  return "unknown";
}

const char* normalization_name(HefNormalization normalization) {
  switch (normalization) {
    case HefNormalization::kInside:
      return "inside";
    case HefNormalization::kOutside:
      return "outside";
    case HefNormalization::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Json describe_boxes(const HefBoxes& boxes) {
  return {{"classes", boxes.classes}, {"per_class", boxes.per_class}};
}

void add_layout(Json& json, const Result<DeviceLayout>& layout) {
  if (!layout) {
    json["layout_error"] = layout.error().message;
    return;
  }
  json["layout"] = {
      {"order", to_string(layout->order)},
      {"padded", {layout->padded_height, layout->padded_width, layout->padded_channels}},
      {"bytes", byte_count(*layout)}};
}

void add_params(Json& json, const Result<QuantParams>& params) {
  if (!params) {
    json["quant_error"] = params.error().message;
    return;
  }
  json["scale"] = params->scale;
  json["zero_point"] = params->zero_point;
  json["range"] = {params->range_min, params->range_max};
}

Json describe_stream(const HefStream& stream) {
  Json json = {{"name", stream.name},
               {"direction", direction_name(stream.direction)},
               {"content", content_name(stream.content)},
               {"format", stream.format},
               {"type", to_string(stream.type)},
               {"size", stream.size}};
  add_layout(json, stream.layout);
  add_params(json, stream.quant);
  json["transposed"] = stream.transposed;
  json["context"] = stream.context;
  json["network"] = stream.network;
  json["original_names"] = stream.original_names;
  if (stream.boxes) json["boxes"] = describe_boxes(*stream.boxes);
  if (!stream.defused_from.empty()) json["piece_of"] = stream.defused_from;
  if (!stream.host_operation.empty()) json["host_operation"] = stream.host_operation;
  if (!stream.parts.empty()) {
    json["parts"] = Json::array();
    for (const HefStream& part : stream.parts) json["parts"].push_back(describe_stream(part));
  }
  if (stream.direction == HefDirection::kInput) {
    json["normalization"] = normalization_name(stream.normalization);
    json["normalization_evidence"] = stream.normalization_evidence;
  }
  return json;
}

Json describe_view(const HefView& view) {
  Json json = {{"name", view.name},
               {"direction", direction_name(view.direction)},
               {"type", to_string(view.type)},
               {"order", view.order}};
  if (view.boxes)
    json["boxes"] = describe_boxes(*view.boxes);
  else if (view.size)
    json["size"] = *view.size;
  json["network"] = view.network;
  return json;
}

Json describe_operation(const HefHostOperation& operation) {
  return {{"name", operation.name},
          {"kind", operation.kind},
          {"streams", operation.streams},
          {"output", operation.output},
          {"score_threshold", operation.score_threshold},
          {"iou_threshold", operation.iou_threshold}};
}

Json describe_group(const HefGroup& group) {
  Json json = {{"name", group.name},
               {"networks", group.networks},
               {"contexts", group.contexts},
               {"arrangements", group.arrangements},
               {"views", Json::array()},
               {"streams", Json::array()},
               {"host_operations", Json::array()}};
  for (const HefView& view : group.views) json["views"].push_back(describe_view(view));
  for (const HefStream& stream : group.streams) json["streams"].push_back(describe_stream(stream));
  for (const HefHostOperation& operation : group.host_operations)
    json["host_operations"].push_back(describe_operation(operation));
  return json;
}

}  // namespace

Json inspect_hef(const HefFile& hef, const std::string& file) {
  Json report = {{"file", file},
                 {"header",
                  {{"version", hef.header.version},
                   {"message_bytes", hef.header.message_bytes},
                   {"weight_bytes", hef.header.weight_bytes - hef.header.padding_bytes},
                   {"resource_bytes", hef.header.resource_bytes},
                   {"checksum", hef.header.checksum}}},
                 {"architecture", hef.architecture},
                 {"runs_on", hef.runs_on},
                 {"sdk_version", hef.sdk_version},
                 {"extensions", Json::array()},
                 {"groups", Json::array()}};
  for (const HefExtension& extension : hef.extensions) {
    report["extensions"].push_back({{"id", extension.id},
                                    {"name", extension.name},
                                    {"text", extension.text},
                                    {"optional", extension.optional}});
  }
  for (const HefGroup& group : hef.groups) report["groups"].push_back(describe_group(group));
  return report;
}

}  // namespace quant
