// SPDX-License-Identifier: MIT
#include "quant/onnx/input_shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/onnx/element_type.h"

namespace quant {
namespace {

constexpr std::int64_t kUnknown = -1;
constexpr std::int64_t kExampleSize = 320;

using Dimension = onnx::TensorShapeProto::Dimension;

std::string context_of(const std::string& name) { return fmt::format("input '{}'", name); }

Result<std::int64_t> declared_size(const Dimension& dimension, bool allow_dynamic) {
  if (!dimension.has_dim_value()) return kUnknown;
  const std::int64_t size = dimension.dim_value();
  // Some exporters write -1 or 0 for "any".
  if (size == -1 || (size == 0 && !allow_dynamic)) return kUnknown;
  if (size < 0) return fail(ErrorCode::kInvalidData, fmt::format("a dimension is {}", size));
  return size;
}

Result<Shape> declared_shape(const onnx::TensorShapeProto& proto, bool allow_dynamic) {
  Shape shape;
  for (const Dimension& dimension : proto.dim()) {
    QUANT_TRY_ASSIGN(const std::int64_t size, declared_size(dimension, allow_dynamic));
    shape.push_back(size);
  }
  return shape;
}

std::string shape_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t size : shape) {
    text += fmt::format("{}{}", text.empty() ? "" : "x", size < 0 ? "?" : std::to_string(size));
  }
  return text;
}

Shape example_of(Shape shape) {
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] < 0) shape[axis] = axis == 0 ? 1 : kExampleSize;
  }
  return shape;
}

Status apply_given(Shape& shape, const Shape& given) {
  if (!checked_element_count(given) || *checked_element_count(given) == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the given shape {} is not possible", to_string(given)));
  }
  if (given.size() != shape.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the given shape {} has {} dimensions, the model's has {} ({})",
                            to_string(given), given.size(), shape.size(), shape_text(shape)));
  }
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != kUnknown && shape[axis] != given[axis]) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the given shape {} contradicts the model's {}", to_string(given),
                              shape_text(shape)));
    }
  }
  shape = given;
  return {};
}

class Resolver {
 public:
  explicit Resolver(const OnnxReadOptions& options) : options_(options) {}

  Result<Value> declare(const onnx::ValueInfoProto& proto) {
    if (!proto.type().has_tensor_type()) {
      return fail(ErrorCode::kUnsupported, "inputs other than tensors are not supported");
    }
    const auto& tensor = proto.type().tensor_type();
    Value value;
    value.name = proto.name();
    QUANT_TRY_ASSIGN(value.type, data_type_of_onnx(tensor.elem_type()));
    const auto given = options_.input_shapes.find(proto.name());
    const bool is_given = given != options_.input_shapes.end();
    if (tensor.has_shape()) {
      QUANT_TRY_ASSIGN(value.shape, declared_shape(tensor.shape(), options_.allow_dynamic));
      if (is_given) QUANT_TRY(apply_given(value.shape, given->second));
    } else if (is_given) {
      value.shape = Shape(given->second.size(), kUnknown);
      QUANT_TRY(apply_given(value.shape, given->second));
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the model does not say its shape; give it, for example with "
                              "--input-shape {}=1x3x320x320",
                              proto.name()));
    }
    if (is_given) QUANT_TRY(learn_names(tensor.shape(), value.shape));
    return value;
  }

  Status complete(const onnx::ValueInfoProto& proto, Value& value) const {
    const auto& dims = proto.type().tensor_type().shape().dim();
    for (int axis = 0; axis < dims.size(); ++axis) {
      std::int64_t& size = value.shape[static_cast<std::size_t>(axis)];
      const auto named = named_.find(dims[axis].dim_param());
      if (size == kUnknown && named != named_.end()) size = named->second;
    }
    if (options_.allow_dynamic) return {};
    if (!value.shape.empty() && value.shape[0] == kUnknown) value.shape[0] = 1;
    if (!is_static(value.shape)) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the model leaves its size open ({}); give it, for example with "
                      "--input-shape {}={}",
                      shape_text(value.shape), value.name, to_string(example_of(value.shape))));
    }
    QUANT_TRY(checked_element_count(value.shape));
    return {};
  }

 private:
  Status learn_names(const onnx::TensorShapeProto& proto, const Shape& shape) {
    for (int axis = 0; axis < proto.dim_size(); ++axis) {
      const std::string& name = proto.dim(axis).dim_param();
      const std::int64_t size = shape[static_cast<std::size_t>(axis)];
      if (name.empty() || proto.dim(axis).has_dim_value()) continue;
      const auto [entry, is_new] = named_.emplace(name, size);
      if (!is_new && entry->second != size) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("the given shapes make '{}' both {} and {}", name, entry->second, size));
      }
    }
    return {};
  }

  const OnnxReadOptions& options_;
  std::map<std::string, std::int64_t> named_;
};

}  // namespace

Result<std::vector<Value>> resolve_inputs(const std::vector<const onnx::ValueInfoProto*>& inputs,
                                          const OnnxReadOptions& options) {
  Resolver resolver(options);
  std::vector<Value> values;
  for (const auto* input : inputs) {
    auto value = resolver.declare(*input);
    if (!value) return fail_with_context(std::move(value).error(), context_of(input->name()));
    values.push_back(std::move(*value));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (auto status = resolver.complete(*inputs[i], values[i]); !status) {
      return fail_with_context(std::move(status).error(), context_of(inputs[i]->name()));
    }
  }
  return values;
}

}  // namespace quant
