// SPDX-License-Identifier: MIT
#include "quant/onnx/attribute_proto.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "quant/base/text_check.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/tensor_proto.h"

namespace quant {
namespace {

using Proto = onnx::AttributeProto;

// ONNX's attribute names have one type in all operators, but for those in `exception_for`.
const std::unordered_map<std::string_view, Proto::AttributeType>& known_types() {
  static const auto* const types = new std::unordered_map<std::string_view, Proto::AttributeType>{
      {"activation_alpha", Proto::FLOATS},
      {"align_corners", Proto::INT},
      {"allowzero", Proto::INT},
      {"alpha", Proto::FLOAT},
      {"antialias", Proto::INT},
      {"approximate", Proto::STRING},
      {"auto_pad", Proto::STRING},
      {"axes", Proto::INTS},
      {"axis", Proto::INT},
      {"batch_dims", Proto::INT},
      {"beta", Proto::FLOAT},
      {"bias", Proto::FLOAT},
      {"block_size", Proto::INT},
      {"blocksize", Proto::INT},
      {"broadcast", Proto::INT},
      {"ceil_mode", Proto::INT},
      {"center_point_box", Proto::INT},
      {"coordinate_transformation_mode", Proto::STRING},
      {"count_include_pad", Proto::INT},
      {"cubic_coeff_a", Proto::FLOAT},
      {"detect_negative", Proto::INT},
      {"detect_positive", Proto::INT},
      {"dilations", Proto::INTS},
      {"direction", Proto::STRING},
      {"dtype", Proto::INT},
      {"end", Proto::INT},
      {"ends", Proto::INTS},
      {"epsilon", Proto::FLOAT},
      {"equation", Proto::STRING},
      {"exclude_outside", Proto::INT},
      {"exclusive", Proto::INT},
      {"extrapolation_value", Proto::FLOAT},
      {"fmod", Proto::INT},
      {"gamma", Proto::FLOAT},
      {"group", Proto::INT},
      {"height_scale", Proto::FLOAT},
      {"k", Proto::INT},
      {"keep_aspect_ratio_policy", Proto::STRING},
      {"keepdims", Proto::INT},
      {"kernel_shape", Proto::INTS},
      {"lambd", Proto::FLOAT},
      {"largest", Proto::INT},
      {"max", Proto::FLOAT},
      {"min", Proto::FLOAT},
      {"mode", Proto::STRING},
      {"nearest_mode", Proto::STRING},
      {"noop_with_empty_axes", Proto::INT},
      {"num_groups", Proto::INT},
      {"num_outputs", Proto::INT},
      {"output_dtype", Proto::INT},
      {"output_height", Proto::INT},
      {"output_padding", Proto::INTS},
      {"output_shape", Proto::INTS},
      {"output_width", Proto::INT},
      {"paddings", Proto::INTS},
      {"padding_mode", Proto::STRING},
      {"pads", Proto::INTS},
      {"perm", Proto::INTS},
      {"ratio", Proto::FLOAT},
      {"reduction", Proto::STRING},
      {"reverse", Proto::INT},
      {"sampling_ratio", Proto::INT},
      {"saturate", Proto::INT},
      {"scales", Proto::FLOATS},
      {"select_last_index", Proto::INT},
      {"shape", Proto::INTS},
      {"size", Proto::INT},
      {"sorted", Proto::INT},
      {"spatial", Proto::INT},
      {"spatial_scale", Proto::FLOAT},
      {"split", Proto::INTS},
      {"start", Proto::INT},
      {"starts", Proto::INTS},
      {"stash_type", Proto::INT},
      {"storage_order", Proto::INT},
      {"strides", Proto::INTS},
      {"to", Proto::INT},
      {"training_mode", Proto::INT},
      {"transA", Proto::INT},
      {"transB", Proto::INT},
      {"upper", Proto::INT},
      {"width_scale", Proto::FLOAT},
  };
  return *types;
}

// Types that first versions had and later ones changed, and the one name with two meanings.
bool is_exception(std::string_view op_type, std::string_view name, Proto::AttributeType type) {
  if (op_type == "Cast" && name == "to") return type == Proto::STRING;
  if ((op_type == "LpPool" || op_type == "GlobalLpPool") && name == "p")
    return type == Proto::FLOAT;
  return false;
}

Status check_type(const std::string& op_type, const std::string& name, Proto::AttributeType type) {
  const auto known = known_types().find(name);
  if (known == known_types().end() || known->second == type || is_exception(op_type, name, type)) {
    return {};
  }
  return fail(ErrorCode::kInvalidData, fmt::format("attribute '{}' is of type {}, expected {}",
                                                   name, Proto::AttributeType_Name(type),
                                                   Proto::AttributeType_Name(known->second)));
}

Result<Attribute> read_attribute(const Proto& proto, Proto::AttributeType type,
                                 const std::filesystem::path& external_data_dir) {
  switch (type) {
    case Proto::FLOAT:
      return Attribute(proto.f());
    case Proto::INT:
      return Attribute(static_cast<std::int64_t>(proto.i()));
    case Proto::STRING:
      if (!is_utf8(proto.s())) return fail(ErrorCode::kInvalidData, "its text is no UTF-8");
      return Attribute(std::string(proto.s()));
    case Proto::FLOATS:
      return Attribute(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case Proto::INTS:
      return Attribute(std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end()));
    case Proto::STRINGS:
      if (!std::all_of(proto.strings().begin(), proto.strings().end(), is_utf8)) {
        return fail(ErrorCode::kInvalidData, "its text is no UTF-8");
      }
      return Attribute(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    case Proto::TENSOR: {
      if (is_four_bits(proto.t().data_type()))
        return fail(ErrorCode::kUnsupported, "elements of 4 bits are supported in initializers");
      QUANT_TRY_ASSIGN(Tensor tensor, read_tensor(proto.t(), external_data_dir));
      return Attribute(std::move(tensor));
    }
    case Proto::SPARSE_TENSOR: {
      QUANT_TRY_ASSIGN(Tensor tensor, read_sparse_tensor(proto.sparse_tensor(), external_data_dir));
      return Attribute(std::move(tensor));
    }
    case Proto::UNDEFINED:
    case Proto::GRAPH:
    case Proto::TYPE_PROTO:
    case Proto::TENSORS:
    case Proto::GRAPHS:
    case Proto::SPARSE_TENSORS:
    case Proto::TYPE_PROTOS:
      break;
  }
  return fail(ErrorCode::kUnsupported, fmt::format("attributes of type {} are not supported",
                                                   Proto::AttributeType_Name(type)));
}

}  // namespace

Proto::AttributeType attribute_type(const Proto& proto) {
  if (proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.ints_size() > 0) return Proto::INTS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  return Proto::UNDEFINED;
}

Result<Attributes> read_attributes(const std::string& op_type, const AttributeProtos& protos,
                                   const std::filesystem::path& external_data_dir) {
  Attributes attributes;
  for (const auto& [name, proto] : protos) {
    const Proto::AttributeType type = attribute_type(*proto);
    // An empty list of an old writer: as if it were absent.
    if (type == Proto::UNDEFINED) continue;
    if (!is_printable(name)) {
      return fail(ErrorCode::kInvalidData, "the name of an attribute is no printable text");
    }
    QUANT_TRY(check_type(op_type, name, type));
    auto attribute = read_attribute(*proto, type, external_data_dir);
    if (!attribute) {
      return fail_with_context(std::move(attribute).error(), fmt::format("attribute '{}'", name));
    }
    attributes.set(name, std::move(*attribute));
  }
  return attributes;
}

}  // namespace quant
