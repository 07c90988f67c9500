// SPDX-License-Identifier: MIT
// ONNX's attribute messages as attributes of the graph's nodes.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <string>

#include "quant/base/result.h"
#include "quant/graph/attributes.h"

namespace quant {

// By name. The messages belong to the model, which outlives every use.
using AttributeProtos = std::map<std::string, const onnx::AttributeProto*>;

// The kind of value a message holds; from the filled field where old writers left the type out.
onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& proto);

// Every attribute of one node. InvalidData where an attribute has another type than ONNX gives it
// (a wrong type would otherwise read as the default); Unsupported for graphs and types as values.
// Errors name the attribute.
Result<Attributes> read_attributes(const std::string& op_type, const AttributeProtos& protos,
                                   const std::filesystem::path& external_data_dir);

}  // namespace quant
